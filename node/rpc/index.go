package rpc

import (
	"context"
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

func (n *indexQueries) table() rpc.Table {
	return slices.Concat(n.indexCommands(), n.scanBlocksCommands())
}

func (n *indexQueries) indexCommands() rpc.Table {
	return rpc.Table{
		{
			Name: "getindexinfo", Returns: map[string]indexInfo{}, Category: "Util", Run: n.getIndexInfo,
			Summary: "Returns the status of one or all available indices currently running in the node.",
			Params:  []rpc.Param{{Name: "index_name", Type: rpc.String, Optional: true, Help: "Filter results for an index with a specific name."}},
			Result:  `{"name": {"synced": true|false, "best_block_height": n}, ...}`,
		},
		{
			Name: "getblockfilter", Returns: blockFilter{}, Category: "Blockchain", Run: n.getBlockFilter,
			Summary: "Retrieve a BIP 157 content filter for a particular block.",
			Params: []rpc.Param{
				blockHashParam("The hash of the block"),
				{Name: "filtertype", Type: rpc.String, Optional: true, Default: strconv.Quote(basicFilter), Help: "The type name of the filter"},
			},
			Result: `{"filter": "hex", "header": "hex"}`,
		},
	}
}

type indexInfo struct {
	Synced bool  `json:"synced"`
	Height int32 `json:"best_block_height"`
}

func (n *indexQueries) getIndexInfo(_ context.Context, call *rpc.Call) (any, error) {
	name, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	infos := map[string]indexInfo{}
	for _, x := range n.Indexes.All() {
		if name == "" || name == x.Name() {
			infos[x.Name()] = indexInfo{n.Loaded() && x.Synced(), max(x.Height(), 0)}
		}
	}
	return infos, nil
}

// basicFilter is the one type of filter that BIP158 defines.
const basicFilter = "basic"

// checkFilterType reports that a type of filter is unknown or not kept.
func (n *indexQueries) checkFilterType(name string) error {
	if name != basicFilter {
		return rpc.Errorf(rpc.InvalidAddressOrKey, "Unknown filtertype")
	}
	if n.Indexes.Filters == nil {
		return rpc.Errorf(rpc.MiscError, "Index is not enabled for filtertype %s", name)
	}
	return nil
}

type blockFilter struct {
	Filter string `json:"filter"`
	Header string `json:"header"`
}

func (n *indexQueries) getBlockFilter(ctx context.Context, call *rpc.Call) (any, error) {
	if _, err := call.Hash(0); err != nil {
		return nil, err
	}
	kind, err := call.Text(1, basicFilter)
	if err != nil {
		return nil, err
	}
	if err := n.checkFilterType(kind); err != nil {
		return nil, err
	}
	at, err := n.block(call, 0)
	if err != nil {
		return nil, err
	}
	connected := n.Tree.Info(at).ValidScripts
	ready, err := n.Indexes.Await(ctx, n.Indexes.Filters)
	if err != nil {
		return nil, err
	}
	filter, err := n.Indexes.Filters.Get(at)
	switch {
	case err != nil:
		return nil, err
	case filter != nil:
		return blockFilter{hex.EncodeToString(filter.Bytes), filter.Header.String()}, nil
	case !connected:
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Filter not found. Block was not connected to active chain.")
	}
	return nil, noFilter(ready)
}

// noFilter says why a block of the best chain has no filter.
func noFilter(ready bool) error {
	if !ready {
		return rpc.Errorf(rpc.MiscError, "Filter not found. Block filters are still in the process of being indexed.")
	}
	return rpc.Errorf(rpc.InternalError, "Filter not found. This error is unexpected and indicates index corruption.")
}
