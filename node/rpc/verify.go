package rpc

import (
	"context"
	"errors"
	"slices"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
)

// What verifychain does without arguments, and a node at its start.
const (
	DefaultCheckLevel  = 3
	DefaultCheckBlocks = 6
)

func (n maintenance) table() rpc.Table {
	return append(slices.Concat(n.verifyCommands(), n.pruneCommands()), n.echoCommand(), n.memoryCommand())
}

func (n maintenance) verifyCommands() rpc.Table {
	return rpc.Table{{
		Name: "verifychain", Returns: true, Category: "Blockchain", Run: n.verifyChain,
		Summary: "Verifies blockchain database.",
		Params: []rpc.Param{
			{Name: "checklevel", Type: rpc.Number, Optional: true, Default: "3, range=0-4", Help: "How thorough the block verification is:\n" +
				"- level 0 reads the blocks from disk\n- level 1 verifies block validity\n- level 2 verifies undo data\n" +
				"- level 3 checks disconnection of tip blocks\n- level 4 tries to reconnect the blocks\n- each level includes the checks of the previous levels"},
			{Name: "nblocks", Type: rpc.Number, Optional: true, Default: "6, 0=all", Help: "The number of blocks to check."},
		},
		Result: "true|false    (boolean) Verification finished successfully. If false, check debug log for reason.",
	}}
}

func (n maintenance) verifyChain(ctx context.Context, call *rpc.Call) (any, error) {
	level, err := call.Int(0, DefaultCheckLevel)
	if err != nil {
		return nil, err
	}
	count, err := call.Int(1, DefaultCheckBlocks)
	if err != nil {
		return nil, err
	}
	sound := false
	err = n.Owner.Do(ctx, func(s *chainstate.State) error {
		sound, err = s.Verify(level, count)
		if errors.Is(err, chain.ErrVerify) {
			return nil // the result says it
		}
		return err
	})
	return sound, err
}
