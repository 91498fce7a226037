package rpc

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chain"
)

func (n *indexQueries) scanBlocksCommands() rpc.Table {
	return rpc.Table{{
		Name: "scanblocks", Returns: rpc.Alternatives{rpc.Null{}, filterScanStatus{}, filterScanResult{}, false}, Category: "Blockchain", Run: n.scanBlocksRPC,
		Summary: "Return relevant blockhashes for given descriptors (requires blockfilterindex).\nThis call may take several minutes.",
		Params: []rpc.Param{
			{Name: "action", Type: rpc.String, Help: `The action to execute: "start" for starting a scan, "abort" for aborting the current scan, "status" for progress report (in %) of the current scan`},
			{Name: "scanobjects", Type: rpc.Array, Inner: scanObjects, Short: "[scanobjects,...]", Optional: true, Help: "Array of scan objects. Required for \"start\" action. Every scan object is either a string descriptor or an object."},
			{Name: "start_height", Type: rpc.Number, Optional: true, Default: "0", Help: "Height to start to scan from"},
			{Name: "stop_height", Type: rpc.Number, Optional: true, Default: "chain tip", Help: "Height to stop to scan"},
			{Name: "filtertype", Type: rpc.String, Optional: true, Default: strconv.Quote(basicFilter), Help: "The type name of the filter"},
			{Name: "options", Type: rpc.Object, Optional: true, Short: "options", Members: []string{"filter_false_positives"}, Inner: []rpc.Param{
				{Name: "filter_false_positives", Type: rpc.Bool, Optional: true, Default: "false", Help: "Look into the blocks that match too (slower)"},
			}},
		},
		Result: `{"from_height": n, "to_height": n, "relevant_blocks": ["hex", ...], "completed": true|false}`,
	}}
}

// filterScan is the one scan of filters that may run at a time.
type filterScan struct {
	scanState
	height atomic.Int32
}

type filterScanStatus struct {
	Progress int   `json:"progress"`
	Height   int32 `json:"current_height"`
}

type filterScanResult struct {
	From      int32    `json:"from_height"`
	To        int32    `json:"to_height"`
	Blocks    []string `json:"relevant_blocks"`
	Completed bool     `json:"completed"`
}

func (n *indexQueries) scanBlocksRPC(ctx context.Context, call *rpc.Call) (any, error) {
	action, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	scan := &n.scan
	switch action {
	case "status":
		if progress, running := scan.status(); running {
			return filterScanStatus{progress, scan.height.Load()}, nil
		}
		return nil, nil
	case "abort":
		return scan.cancel(), nil
	case "start":
		if !scan.begin() {
			return nil, rpc.Errorf(rpc.InvalidParameter, `Scan already in progress, use action "abort" or "status"`)
		}
		defer scan.end()
		return n.startFilterScan(ctx, call)
	}
	return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid action '%s'", action)
}

// filterQuery is what a scan looks for, and where.
type filterQuery struct {
	scripts  [][]byte
	wanted   map[string]string // the same, as keys
	from, to *chain.BlockNode
	exact    bool // look into the blocks too
}

func (n *indexQueries) startFilterScan(ctx context.Context, call *rpc.Call) (any, error) {
	q, err := n.filterQuery(call)
	if err != nil {
		return nil, err
	}
	if _, err := n.Indexes.Await(ctx, n.Indexes.Filters); err != nil {
		return nil, err
	}
	result := filterScanResult{From: q.from.Height, To: q.from.Height, Blocks: []string{}}
	for height := q.from.Height; height <= q.to.Height; height++ {
		at := q.to.Ancestor(height)
		span := max(q.to.Height-q.from.Height, 1)
		n.scan.height.Store(height)
		err := n.scan.step(int(100 * (height - q.from.Height) / span))
		if errors.Is(err, errAborted) {
			return result, nil
		}
		if err = errors.Join(err, context.Cause(ctx)); err != nil {
			return nil, err
		}
		relevant, err := n.relevantBlock(q, at)
		if err != nil {
			return nil, err
		}
		if relevant {
			result.Blocks = append(result.Blocks, at.Hash.String())
		}
		result.To = height
	}
	result.Completed = true
	return result, nil
}

func (n *indexQueries) filterQuery(call *rpc.Call) (q filterQuery, err error) {
	if !call.Has(1) {
		return q, rpc.Errorf(rpc.MiscError, "scanobjects argument is required for the start action")
	}
	kind, err := call.Text(4, basicFilter)
	if err != nil {
		return q, err
	}
	if err := n.checkFilterType(kind); err != nil {
		return q, err
	}
	if call.Has(5) {
		var options struct {
			Exact bool `json:"filter_false_positives"`
		}
		if err := call.Decode(5, &options); err != nil {
			return q, err
		}
		q.exact = options.Exact
	}
	if q.from, q.to, err = n.heights(call, 2); err != nil {
		return q, err
	}
	if q.wanted, err = n.scanObjects(call); err != nil {
		return q, err
	}
	for script := range q.wanted {
		q.scripts = append(q.scripts, []byte(script))
	}
	return q, nil
}

// heights reads two optional heights, which bound a part of the best chain.
func (n *indexQueries) heights(call *rpc.Call, i int) (from, to *chain.BlockNode, err error) {
	view := n.Tree.View()
	low, err := call.Int(i, 0)
	if err != nil {
		return nil, nil, err
	}
	if from = view.At(int32(low)); from == nil {
		return nil, nil, rpc.Errorf(rpc.MiscError, "Invalid start_height")
	}
	high, err := call.Int(i+1, int(view.Height()))
	if err != nil {
		return nil, nil, err
	}
	if to = view.At(int32(high)); to == nil || high < low {
		return nil, nil, rpc.Errorf(rpc.MiscError, "Invalid stop_height")
	}
	return from, to, nil
}

func (n *indexQueries) relevantBlock(q filterQuery, at *chain.BlockNode) (bool, error) {
	if len(q.scripts) == 0 {
		return false, nil
	}
	filter, err := n.Indexes.Filters.Get(at)
	if err != nil {
		return false, err
	}
	if filter == nil {
		return false, rpc.Errorf(rpc.MiscError, "Filter not found. Block filters are still in the process of being indexed.")
	}
	match, err := filter.Matches(at.Hash, q.scripts)
	if !match || err != nil || !q.exact {
		return match, err
	}
	return n.touchesScripts(at, q.wanted)
}

// touchesScripts reports whether a block creates or spends an output with one
// of the scripts.
func (n *indexQueries) touchesScripts(at *chain.BlockNode, wanted map[string]string) (bool, error) {
	block, err := n.blockData(at)
	if err != nil {
		return false, err
	}
	for _, tx := range block.Txs {
		for _, out := range tx.TxOut {
			if _, ok := wanted[string(out.PkScript)]; ok {
				return true, nil
			}
		}
	}
	if at.Height == 0 {
		return false, nil
	}
	undo, err := n.Blocks.ReadUndo(at)
	for _, spent := range undo {
		for i := range spent {
			if _, ok := wanted[string(spent[i].Script)]; ok {
				return true, nil
			}
		}
	}
	return false, err
}
