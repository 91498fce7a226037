package rpc

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/render"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

func (n *utxoQueries) activityCommand() rpc.Command {
	return rpc.Command{
		Name: "getdescriptoractivity", Returns: activityList{}, Category: "Blockchain", Run: n.getDescriptorActivity,
		Summary: "Get spend and receive activity associated with a set of descriptors for a set of blocks. This command pairs well with the `relevant_blocks` output of `scanblocks()`.\n" +
			"This call may take several minutes. If you encounter timeouts, try specifying no RPC timeout (bitcoin-cli -rpcclienttimeout=0)",
		Params: []rpc.Param{
			{Name: "blockhashes", Type: rpc.Array, Inner: hexes("blockhash", "A block hash"), Help: "The list of blockhashes to examine for activity. Order doesn't matter. Must be along main chain or an error is thrown."},
			{Name: "scanobjects", Type: rpc.Array, Inner: scanObjects, Help: "The list of descriptors (scan objects) to examine for activity. Every scan object is either a string descriptor or an object."},
			{Name: "include_mempool", Type: rpc.Bool, Optional: true, Default: "true", Help: "Whether to include unconfirmed activity"},
		},
		Result: `{"activity": [{"type": "spend", "amount": n, "blockhash": "hex", "height": n, "spend_txid": "hex", "spend_vin": n, "prevout_txid": "hex", "prevout_vout": n, "prevout_spk": {...}}, ` +
			`{"type": "receive", "amount": n, "blockhash": "hex", "height": n, "txid": "hex", "vout": n, "output_spk": {...}}, ...]}` + "\nblockhash and height are omitted if unconfirmed.",
	}
}

// activity is what happened to scripts that are wanted.
type activity struct {
	*Node
	wanted map[string]string
	events []any
}

// happened is what all events have.
type happened struct {
	Type   string     `json:"type"`
	Amount rpc.Amount `json:"amount"`
	*confirmedAt
}

type confirmedAt struct {
	Hash   string `json:"blockhash"`
	Height int32  `json:"height"`
}

type spendEvent struct {
	happened
	TxID     string        `json:"spend_txid"`
	Input    int           `json:"spend_vin"`
	PrevTxID string        `json:"prevout_txid"`
	PrevVout uint32        `json:"prevout_vout"`
	Script   render.Script `json:"prevout_spk"`
}

type receiveEvent struct {
	happened
	TxID   string        `json:"txid"`
	Vout   int           `json:"vout"`
	Script render.Script `json:"output_spk"`
}

func (n *utxoQueries) getDescriptorActivity(ctx context.Context, call *rpc.Call) (any, error) {
	blocks, err := n.mainBlocks(call.Raw(0))
	if err != nil {
		return nil, err
	}
	a := activity{Node: n.Node, events: []any{}}
	if a.wanted, err = n.scanObjects(call); err != nil {
		return nil, err
	}
	withMempool, err := call.Bool(2, true)
	if err != nil {
		return nil, err
	}
	for _, at := range blocks {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if err := a.lookInBlock(at); err != nil {
			return nil, err
		}
	}
	if withMempool {
		if err := a.lookInMempool(ctx); err != nil {
			return nil, err
		}
	}
	return activityList{a.events}, nil
}

// activityList is what getdescriptoractivity shows.
type activityList struct {
	Events []any `json:"activity"`
}

// mainBlocks reads hashes of blocks in the best chain, and returns the blocks by height,
// none twice.
func (n *Node) mainBlocks(raw json.RawMessage) ([]*chain.BlockNode, error) {
	texts, err := textList(raw)
	if err != nil {
		return nil, err
	}
	view := n.Tree.View()
	var blocks []*chain.BlockNode
	for _, text := range texts {
		hash, err := rpc.ParseHash(text, "blockhash")
		if err != nil {
			return nil, err
		}
		at := n.Tree.Lookup(hash)
		if at == nil {
			return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Block not found")
		}
		if !view.Contains(at) {
			return nil, rpc.Errorf(rpc.InvalidParameter, "Block is not in main chain")
		}
		blocks = append(blocks, at)
	}
	slices.SortFunc(blocks, func(a, b *chain.BlockNode) int { return int(a.Height - b.Height) })
	return slices.Compact(blocks), nil
}

func (a *activity) lookInBlock(at *chain.BlockNode) error {
	block, err := a.blockData(at)
	if err != nil {
		return err
	}
	var undo coins.Undo
	if at.Height > 0 {
		if !a.Tree.Info(at).HaveUndo {
			return rpc.Errorf(rpc.MiscError, "Undo data not available")
		}
		if undo, err = a.undoData(at, errUndo); err != nil {
			return err
		}
	}
	where := &confirmedAt{at.Hash.String(), at.Height}
	for i, tx := range block.Txs {
		if i > 0 {
			for j, coin := range undo[i-1] {
				a.spent(tx, j, wire.NewTxOut(coin.Value, coin.Script), where)
			}
		}
		a.received(tx, where)
	}
	return nil
}

func (a *activity) lookInMempool(ctx context.Context) error {
	entries, _ := a.Mempool.Entries()
	for _, entry := range entries {
		outs, err := a.outputsOf(ctx, entry.Tx.MsgTx)
		if err != nil {
			return err
		}
		for i, out := range outs {
			if out != nil { // else the transaction has just left
				a.spent(entry.Tx, i, out, nil)
			}
		}
		a.received(entry.Tx, nil)
	}
	return nil
}

func (a *activity) spent(tx *consensus.Tx, input int, out *wire.TxOut, where *confirmedAt) {
	if _, ok := a.wanted[string(out.PkScript)]; !ok {
		return
	}
	previous := tx.TxIn[input].PreviousOutPoint
	a.events = append(a.events, spendEvent{
		happened{"spend", rpc.Amount(out.Value), where}, tx.ID.String(), input,
		previous.Hash.String(), previous.Index, render.NewScript(out.PkScript, a.Params.Params),
	})
}

func (a *activity) received(tx *consensus.Tx, where *confirmedAt) {
	for i, out := range tx.TxOut {
		if _, ok := a.wanted[string(out.PkScript)]; ok {
			a.events = append(a.events, receiveEvent{
				happened{"receive", rpc.Amount(out.Value), where}, tx.ID.String(), i, render.NewScript(out.PkScript, a.Params.Params),
			})
		}
	}
}
