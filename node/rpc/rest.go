package rpc

import (
	"context"
	"encoding/hex"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/render"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// restQueries answer what the REST interface asks for and no command of Bitcoin Core
// does. Each returns JSON as REST shows it or, if verbose is false, the bytes in hex.
type restQueries struct{ *Node }

// maxRestHeaders is how many headers are returned at once.
const maxRestHeaders = 2000

func (n restQueries) table() rpc.Table {
	verbose := rpc.Param{Name: "verbose", Type: rpc.Bool, Optional: true, Default: "true", Help: "true for JSON, false for hex-encoded data"}
	count := rpc.Param{Name: "count", Type: rpc.Number, Help: "How many at most, 1 to 2000"}
	return append(n.outputTable(verbose),
		rpc.Command{
			Name: "rest_tx", Category: "hidden", Run: n.tx,
			Summary: "Returns a transaction of the mempool or of -txindex.",
			Params:  []rpc.Param{txidParam("The transaction id"), verbose},
		},
		rpc.Command{
			Name: "rest_headers", Category: "hidden", Run: n.headers,
			Summary: "Returns the headers of a block of the best chain and of those after it; none for any other block.",
			Params:  []rpc.Param{blockHashParam("The first block"), count, verbose},
		},
		rpc.Command{
			Name: "rest_blockfilterheaders", Category: "hidden", Run: n.filterHeaders,
			Summary: "Returns the headers of the filters (BIP157) of a block of the best chain and of those after it; none for any other block.",
			Params:  []rpc.Param{blockHashParam("The first block"), count, verbose},
		},
	)
}

// tx returns a transaction, with the block that it is in.
func (n restQueries) tx(ctx context.Context, call *rpc.Call) (any, error) {
	txid, err := call.Hash(0)
	if err != nil {
		return nil, err
	}
	verbose, err := call.Bool(1, true)
	if err != nil {
		return nil, err
	}
	tx, at, err := n.findTx(ctx, txid)
	if err != nil {
		return nil, err
	}
	if !verbose {
		return hex.EncodeToString(tx.Raw()), nil
	}
	shown := render.NewTx(shownTx(tx), n.Params.Params, true, nil, false)
	if at != nil {
		shown.BlockHash = at.Hash.String()
	}
	return shown, nil
}

// findTx looks into the mempool, where no block is returned, and then into the index.
func (n restQueries) findTx(ctx context.Context, txid chainhash.Hash) (*consensus.Tx, *chain.BlockNode, error) {
	if entry := n.Mempool.Get(txid); entry != nil {
		return entry.Tx, nil, nil
	}
	unknown := rpc.Errorf(rpc.InvalidAddressOrKey, "%s not found", txid)
	if n.Indexes.Transactions == nil {
		return nil, nil, unknown
	}
	if _, err := n.Indexes.Await(ctx, n.Indexes.Transactions); err != nil {
		return nil, nil, err
	}
	found, err := n.Indexes.Transactions.Find(txid)
	if err != nil {
		return nil, nil, err
	}
	if found == nil {
		return nil, nil, unknown
	}
	return found.Tx, found.Block, nil
}

// following returns the block of argument 0 and those after it, as many as argument 1
// says.
func (n restQueries) following(call *rpc.Call, view *chain.View) ([]*chain.BlockNode, error) {
	hash, err := call.Hash(0)
	if err != nil {
		return nil, err
	}
	count, err := call.Int(1, 0)
	if err != nil {
		return nil, err
	}
	if count < 1 || count > maxRestHeaders {
		return nil, rpc.Errorf(rpc.InvalidParameter, "count is out of range")
	}
	var list []*chain.BlockNode
	at := n.Tree.Lookup(hash)
	if at == nil || !view.Contains(at) {
		return nil, nil
	}
	for ; at != nil && len(list) < count; at = view.Next(at) {
		list = append(list, at)
	}
	return list, nil
}

func (n restQueries) headers(_ context.Context, call *rpc.Call) (any, error) {
	view := n.Tree.View()
	list, err := n.following(call, view)
	if err != nil {
		return nil, err
	}
	verbose, err := call.Bool(2, true)
	if err != nil {
		return nil, err
	}
	if verbose {
		infos := make([]headerInfo, len(list))
		for i, at := range list {
			infos[i] = blockQueries(n).headerInfo(view, at)
		}
		return infos, nil
	}
	var raw []byte
	for _, at := range list {
		raw = at.AppendHeader(raw)
	}
	return hex.EncodeToString(raw), nil
}

func (n restQueries) filterHeaders(ctx context.Context, call *rpc.Call) (any, error) {
	verbose, err := call.Bool(2, true)
	if err != nil {
		return nil, err
	}
	if err := (&indexQueries{Node: n.Node}).checkFilterType(basicFilter); err != nil {
		return nil, err
	}
	list, err := n.following(call, n.Tree.View())
	if err != nil {
		return nil, err
	}
	ready, err := n.Indexes.Await(ctx, n.Indexes.Filters)
	if err != nil {
		return nil, err
	}
	headers := make([]chainhash.Hash, len(list))
	for i, at := range list {
		filter, err := n.Indexes.Filters.Get(at)
		if err != nil {
			return nil, err
		}
		if filter == nil {
			return nil, noFilter(ready)
		}
		headers[i] = filter.Header
	}
	if verbose {
		return hashStrings(headers), nil
	}
	var raw []byte
	for header := range slices.Values(headers) {
		raw = append(raw, header[:]...)
	}
	return hex.EncodeToString(raw), nil
}
