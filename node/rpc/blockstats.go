package rpc

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/blockstats"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/coins"
)

func (n blockQueries) blockStatsCommands() rpc.Table {
	return rpc.Table{{
		Name: "getblockstats", Examples: []string{`[1000, ["minfeerate", "avgfeerate"]]`, `["000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"]`}, Returns: rpc.Some{Of: blockFigures{}}, Category: "Blockchain", Run: n.getBlockStats,
		Summary: "Compute per block statistics for a given window. All amounts are in satoshis.\n" +
			"It won't work for some heights with pruning.",
		Params: []rpc.Param{
			{Name: "hash_or_height", Form: rpc.HeightOrHash, Word: rpc.Either, Help: "The block hash or height of the target block"},
			{Name: "stats", Type: rpc.Array, Short: "stats", Inner: []rpc.Param{{Name: "statistic", Type: rpc.String, Help: "A selected statistic"}}, Optional: true, Default: "all values", Help: "Values to show"},
		},
		Result: `{"avgfee": n, "avgfeerate": n (satoshi/vB), "feerate_percentiles": [n, n, n, n, n], "blockhash": "hex", "height": n, "ins": n, "subsidy": n, "time": n, "mediantime": n, "totalfee": n, "txs": n, "utxo_increase": n, ...}`,
	}}
}

// blockFigures is what getblockstats shows.
type blockFigures struct {
	blockstats.Stats
	Hash       string `json:"blockhash"`
	Height     int32  `json:"height"`
	Time       int64  `json:"time"`
	MedianTime int64  `json:"mediantime"`
	Subsidy    int64  `json:"subsidy"`
}

func (n blockQueries) getBlockStats(_ context.Context, call *rpc.Call) (any, error) {
	at, err := n.blockOrHeight(call, 0)
	if err != nil {
		return nil, err
	}
	figures, err := n.blockFigures(at)
	if err != nil {
		return nil, err
	}
	return chosen(figures, call.Raw(1))
}

// blockOrHeight returns the node of a block in the best chain, given by its
// height, or of any, given by its hash.
func (n *Node) blockOrHeight(call *rpc.Call, i int) (*chain.BlockNode, error) {
	var height int32
	if json.Unmarshal(call.Raw(i), &height) != nil {
		return n.block(call, i)
	}
	return n.atHeight(int64(height))
}

// hashOrHeight is blockOrHeight for what is not an argument of its own.
func (n *Node) hashOrHeight(raw json.RawMessage) (*chain.BlockNode, error) {
	var height int64
	if json.Unmarshal(raw, &height) == nil {
		return n.atHeight(height)
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, rpc.Errorf(rpc.TypeError, "JSON value is not of expected type string")
	}
	hash, err := rpc.ParseHash(text, "hash_or_height")
	if err != nil {
		return nil, err
	}
	at := n.Tree.Lookup(hash)
	if at == nil {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Block not found")
	}
	return at, nil
}

func (n *Node) atHeight(height int64) (*chain.BlockNode, error) {
	view := n.Tree.View()
	switch {
	case height < 0:
		return nil, rpc.Errorf(rpc.InvalidParameter, "Target block height %d is negative", height)
	case height > int64(view.Height()):
		return nil, rpc.Errorf(rpc.InvalidParameter, "Target block height %d after current tip %d", height, view.Height())
	}
	return view.At(int32(height)), nil
}

func (n blockQueries) blockFigures(at *chain.BlockNode) (figures blockFigures, err error) {
	block, err := n.blockData(at)
	if err != nil {
		return figures, err
	}
	var undo coins.Undo
	if at.Height > 0 {
		if !n.Tree.Info(at).HaveUndo {
			return figures, rpc.Errorf(rpc.MiscError, "Undo data not available (not validated)")
		}
		if undo, err = n.undoData(at, errUndo); err != nil {
			return figures, err
		}
	}
	kept := at.Height > 0 && !chain.RepeatsCoinbase(at)
	return blockFigures{
		Stats: blockstats.Of(block, undo, kept), Hash: at.Hash.String(), Height: at.Height, Time: at.Time,
		MedianTime: at.MedianTime(), Subsidy: n.Params.Subsidy(at.Height),
	}, nil
}

// chosen returns the figures whose names are asked for, all if none are.
func chosen(figures blockFigures, names json.RawMessage) (any, error) {
	raw, err := json.Marshal(figures)
	if err != nil {
		return nil, err
	}
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf("getblockstats: %w", err)
	}
	var wanted []string
	if names != nil && json.Unmarshal(names, &wanted) != nil {
		return nil, rpc.Errorf(rpc.TypeError, "stats must be an array of names")
	}
	if len(wanted) == 0 {
		return all, nil
	}
	slices.Sort(wanted)
	for _, name := range wanted {
		if _, known := all[name]; !known {
			return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid selected statistic '%s'", name)
		}
	}
	maps.DeleteFunc(all, func(name string, _ json.RawMessage) bool { return !slices.Contains(wanted, name) })
	return all, nil
}
