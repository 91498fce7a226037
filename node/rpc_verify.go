package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chain"
)

// What verifychain does without arguments.
const (
	defaultCheckLevel  = 3
	defaultCheckBlocks = 6
)

func (n *node) verifyCommands() rpc.Table {
	return rpc.Table{{
		Name: "verifychain", Category: "Blockchain", Run: n.verifyChain,
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

func (n *node) verifyChain(ctx context.Context, call *rpc.Call) (any, error) {
	level, err := call.Int(0, defaultCheckLevel)
	if err != nil {
		return nil, err
	}
	count, err := call.Int(1, defaultCheckBlocks)
	if err != nil {
		return nil, err
	}
	sound := false
	err = n.own(ctx, func() error {
		sound, err = n.verify(level, count)
		if errors.Is(err, chain.ErrVerify) {
			return nil // the result says it
		}
		return err
	})
	return sound, err
}

// verify looks through the last blocks and logs what it finds. The caller owns
// the node.
func (n *node) verify(level, count int) (sound bool, err error) {
	n.log.Info(fmt.Sprintf("Verifying last %d blocks at level %d", count, level))
	blocks, txs, err := n.engine.Verify(level, count)
	var fault *chain.VerifyError
	switch {
	case errors.Is(err, chain.ErrVerifyPruned) && errors.As(err, &fault):
		n.log.Info(fmt.Sprintf("Block verification stopping at height %d (no data). This could be due to pruning.", fault.Block.Height))
	case errors.As(err, &fault):
		n.log.Error("Verification error: " + fault.Error())
	case err == nil:
		n.log.Info(fmt.Sprintf("Verification: No coin database inconsistencies in last %d blocks (%d transactions)", blocks, txs))
	}
	return err == nil, err
}
