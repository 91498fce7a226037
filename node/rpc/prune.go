package rpc

import (
	"context"
	"sort"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
)

// pruneTimeFrom is the least argument of pruneblockchain that is a time.
const pruneTimeFrom = 1_000_000_000

// timestampWindow is by how many seconds a block's time may lie before that of
// one before it.
const timestampWindow = 2 * 60 * 60

func (n maintenance) pruneCommands() rpc.Table {
	return rpc.Table{{
		Name: "pruneblockchain", Returns: int32(0), Category: "Blockchain", Run: n.pruneBlockchain,
		Summary: "Attempts to delete block and undo data up to a specified height or timestamp, if eligible for pruning.\n" +
			"Requires `-prune` to be enabled at startup. What is deleted can only be had again by downloading the whole chain.",
		Params: []rpc.Param{{Name: "height", Type: rpc.Number, Help: "The block height to prune up to. May be set to a discrete height, or to a UNIX epoch time\n" +
			"to prune blocks whose block time is at least 2 hours older than the provided timestamp."}},
		Result: "n    (numeric) Height of the last block pruned",
	}}
}

func (n maintenance) pruneBlockchain(ctx context.Context, call *rpc.Call) (any, error) {
	if !n.Settings.Pruning {
		return nil, rpc.Errorf(rpc.MiscError, "Cannot prune blocks because node is not in prune mode.")
	}
	height, err := call.Int64(0, 0)
	if err != nil {
		return nil, err
	}
	if height < 0 {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Negative block height.")
	}
	view := n.Tree.View()
	if height > pruneTimeFrom {
		at := earliestAtLeast(view, height-timestampWindow)
		if at == nil {
			return nil, rpc.Errorf(rpc.InvalidParameter, "Could not find block with at least the specified timestamp.")
		}
		height = int64(at.Height)
	}
	tip := view.Height()
	switch {
	case tip < n.Params.PruneAfterHeight:
		return nil, rpc.Errorf(rpc.MiscError, "Blockchain is too short for pruning.")
	case height > int64(tip):
		return nil, rpc.Errorf(rpc.InvalidParameter, "Blockchain is shorter than the attempted prune height.")
	case height > int64(tip)-chain.MinBlocksToKeep:
		n.Log.With("cat", "rpc").Debug("Attempt to prune blocks close to the tip.  Retaining the minimum number of blocks.")
	}
	err = n.Owner.Do(ctx, func(s *chainstate.State) error {
		_, err := s.Chain.PruneTo(int32(height))
		return s.Vital(err)
	})
	if err != nil {
		return nil, err
	}
	return n.Blocks.FirstStored(n.Tree.View()).Height - 1, nil
}

// earliestAtLeast returns the first block whose branch has reached a time, in
// Unix seconds.
func earliestAtLeast(view *chain.View, time int64) *chain.BlockNode {
	height := sort.Search(int(view.Height())+1, func(height int) bool { return view.At(int32(height)).TimeMax >= time })
	return view.At(int32(height))
}
