package node

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

func (n *node) spenderCommands() rpc.Table {
	return rpc.Table{
		{
			Name: "gettxspendingprevout", Category: "Blockchain", Run: n.getTxSpendingPrevout,
			Summary: "Scans the mempool to find transactions spending any of the given outputs",
			Params: []rpc.Param{
				{Name: "outputs", Type: rpc.Array, Help: "The transaction outputs that we want to check, and within each, the txid (string) vout (numeric)."},
				{Name: "options", Type: rpc.Object, Optional: true, Help: "mempool_only and return_spending_tx"},
			},
		},
		{
			Name: "getprioritisedtransactions", Category: "Mining", Run: n.getPrioritised,
			Summary: "Returns a map of all user-created (see prioritisetransaction) fee deltas by txid, and whether the tx is present in mempool.",
		},
	}
}

// outputRef is an output that a client asks about.
type outputRef struct {
	TxID string `json:"txid"`
	Vout int64  `json:"vout"`
}

type spentOutput struct {
	outputRef
	SpendingTxID string `json:"spendingtxid,omitempty"`
	SpendingTx   string `json:"spendingtx,omitempty"`
}

type spenderOptions struct {
	MempoolOnly *bool `json:"mempool_only"`
	ReturnTx    bool  `json:"return_spending_tx"`
}

// strictly decodes an argument that may have no members but the known ones.
func strictly(raw json.RawMessage, v any) error {
	if raw == nil {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return rpc.Errorf(rpc.TypeError, "%v", err)
	}
	return nil
}

func (n *node) getTxSpendingPrevout(_ context.Context, call *rpc.Call) (any, error) {
	var refs []outputRef
	if err := strictly(call.Raw(0), &refs); err != nil {
		return nil, err
	}
	if len(refs) == 0 {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid parameter, outputs are missing")
	}
	var options spenderOptions
	if err := strictly(call.Raw(1), &options); err != nil {
		return nil, err
	}
	results := make([]spentOutput, len(refs))
	for i, ref := range refs {
		txid, err := rpc.ParseHash(ref.TxID, "txid")
		if err != nil {
			return nil, err
		}
		if ref.Vout < 0 {
			return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid parameter, vout cannot be negative")
		}
		results[i].outputRef = ref
		spender := n.pool.Spender(wire.OutPoint{Hash: txid, Index: uint32(ref.Vout)})
		if spender == nil {
			if options.MempoolOnly != nil && !*options.MempoolOnly {
				return nil, rpc.Errorf(rpc.MiscError, "Mempool lacks a relevant spend, and txospenderindex is unavailable.")
			}
			continue
		}
		results[i].SpendingTxID = spender.Tx.ID.String()
		if options.ReturnTx {
			results[i].SpendingTx = hex.EncodeToString(spender.Tx.Raw())
		}
	}
	return results, nil
}

type prioritised struct {
	Delta     int64  `json:"fee_delta"`
	InMempool bool   `json:"in_mempool"`
	Modified  *int64 `json:"modified_fee,omitempty"`
}

func (n *node) getPrioritised(context.Context, *rpc.Call) (any, error) {
	result := map[string]prioritised{}
	for txid, delta := range n.pool.Priorities() {
		p := prioritised{Delta: delta}
		if details, ok := n.pool.Details(txid); ok {
			p.InMempool, p.Modified = true, &details.Modified
		}
		result[txid.String()] = p
	}
	return result, nil
}
