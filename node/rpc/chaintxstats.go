package rpc

import (
	"context"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chain"
)

func (n blockQueries) chainTxCommands() rpc.Table {
	return rpc.Table{{
		Name: "getchaintxstats", Returns: chainTxStats{}, Category: "Blockchain", Run: n.getChainTxStats,
		Summary: "Compute statistics about the total number and rate of transactions in the chain.",
		Params: []rpc.Param{
			{Name: "nblocks", Type: rpc.Number, Optional: true, Default: "one month", Help: "Size of the window in number of blocks"},
			{Name: "blockhash", Type: rpc.String, Form: rpc.Hex, Optional: true, Default: "chain tip", Help: "The hash of the block that ends the window."},
		},
	}}
}

// chainTxStats is what getchaintxstats shows. The counts are not known where
// blocks below a loaded UTXO set are missing.
type chainTxStats struct {
	Time     int64      `json:"time"`
	Count    *int64     `json:"txcount,omitempty"`
	Hash     string     `json:"window_final_block_hash"`
	Height   int32      `json:"window_final_block_height"`
	Blocks   int32      `json:"window_block_count"`
	Interval *int64     `json:"window_interval,omitempty"`
	InWindow *int64     `json:"window_tx_count,omitempty"`
	Rate     *rpc.Float `json:"txrate,omitempty"`
}

const month = 30 * 24 * 60 * 60

func (n blockQueries) getChainTxStats(_ context.Context, call *rpc.Call) (any, error) {
	view := n.Tree.View()
	last := view.Tip()
	if call.Has(1) {
		var err error
		if last, err = n.block(call, 1); err != nil {
			return nil, err
		}
		if !view.Contains(last) {
			return nil, rpc.Errorf(rpc.InvalidParameter, "Block is not in main chain")
		}
	}
	blocks := max(min(int32(month/n.Params.Spacing), last.Height-1), 0)
	if call.Has(0) {
		given, err := call.Int(0, 0)
		if err != nil {
			return nil, err
		}
		if blocks = int32(given); blocks < 0 || blocks > 0 && blocks >= last.Height {
			return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid block count: should be between 0 and the block's height - 1")
		}
	}
	return n.chainTxStats(last, blocks), nil
}

func (n blockQueries) chainTxStats(last *chain.BlockNode, blocks int32) chainTxStats {
	first := last.Ancestor(last.Height - blocks)
	stats := chainTxStats{Time: last.Time, Hash: last.Hash.String(), Height: last.Height, Blocks: blocks}
	from, to := n.Tree.Info(first).ChainTx, n.Tree.Info(last).ChainTx
	if to > 0 {
		stats.Count = &to
	}
	if blocks == 0 {
		return stats
	}
	interval := last.MedianTime() - first.MedianTime()
	stats.Interval = &interval
	if from == 0 || to == 0 {
		return stats
	}
	window := to - from
	stats.InWindow = &window
	if interval > 0 {
		rate := rpc.Float(float64(window) / float64(interval))
		stats.Rate = &rate
	}
	return stats
}
