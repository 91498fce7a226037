package rpc

import (
	"context"
	"encoding/hex"
	"encoding/json"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

func (n mempoolQueries) spenderCommands() rpc.Table {
	return rpc.Table{
		{
			Name: "gettxspendingprevout", Returns: []spentOutput{}, Category: "Blockchain", Run: n.getTxSpendingPrevout,
			Summary: "Scans the mempool (and the txospenderindex, if available) to find transactions spending any of the given outputs",
			Params: []rpc.Param{
				{Name: "outputs", Type: rpc.Array, Inner: []rpc.Param{{Type: rpc.Object, Inner: outpointParams()}}, Help: "The transaction outputs that we want to check, and within each, the txid (string) vout (numeric)."},
				{Name: "options", Type: rpc.Object, Optional: true, Members: []string{"mempool_only", "return_spending_tx"}, Inner: []rpc.Param{
					{Name: "mempool_only", Type: rpc.Bool, Optional: true, Default: "true if txospenderindex unavailable, otherwise false", Help: "Whether to leave out what only txospenderindex knows."},
					{Name: "return_spending_tx", Type: rpc.Bool, Optional: true, Default: "false", Help: "Whether to return the transactions that spend, too."},
				}},
			},
		},
		{
			Name: "getprioritisedtransactions", Returns: map[string]prioritised{}, Category: "Mining", Run: n.getPrioritised,
			Summary: "Returns a map of all user-created (see prioritisetransaction) fee deltas by txid, and whether the tx is present in mempool.",
		},
	}
}

// outputRef is an output that a client asks about.
type outputRef struct {
	TxID string `json:"txid"`
	Vout int64  `json:"vout"`
}

func (r *outputRef) parse(raw json.RawMessage) (txid chainhash.Hash, err error) {
	err = rpc.CheckObject(raw, rpc.Member{Name: "txid", Type: rpc.String}, rpc.Member{Name: "vout", Type: rpc.Number})
	if err != nil {
		return txid, err
	}
	if json.Unmarshal(raw, r) != nil || r.Vout != int64(int32(r.Vout)) {
		return txid, rpc.Errorf(rpc.MiscError, "JSON integer out of range")
	}
	if txid, err = rpc.ParseHash(r.TxID, "txid"); err == nil && r.Vout < 0 {
		err = rpc.Errorf(rpc.InvalidParameter, "Invalid parameter, vout cannot be negative")
	}
	return txid, err
}

type spentOutput struct {
	outputRef
	SpendingTxID string `json:"spendingtxid,omitempty"`
	SpendingTx   string `json:"spendingtx,omitempty"`
	BlockHash    string `json:"blockhash,omitempty"`
}

func (s *spentOutput) set(spender *consensus.Tx, whole bool) {
	s.SpendingTxID = spender.ID.String()
	if whole {
		s.SpendingTx = hex.EncodeToString(spender.Raw())
	}
}

type spenderOptions struct {
	MempoolOnly *bool `json:"mempool_only"`
	ReturnTx    bool  `json:"return_spending_tx"`
}

func parseSpenderOptions(call *rpc.Call) (options spenderOptions, err error) {
	if !call.Has(1) {
		return options, nil
	}
	err = rpc.CheckObject(call.Raw(1),
		rpc.Member{Name: "mempool_only", Type: rpc.Bool, Optional: true},
		rpc.Member{Name: "return_spending_tx", Type: rpc.Bool, Optional: true})
	if err != nil {
		return options, err
	}
	return options, call.Decode(1, &options)
}

func (o *spenderOptions) mempoolOnly(fallback bool) bool {
	if o.MempoolOnly == nil {
		return fallback
	}
	return *o.MempoolOnly
}

func (n mempoolQueries) getTxSpendingPrevout(ctx context.Context, call *rpc.Call) (any, error) {
	var outputs []json.RawMessage
	if err := call.Decode(0, &outputs); err != nil {
		return nil, err
	}
	if len(outputs) == 0 {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid parameter, outputs are missing")
	}
	options, err := parseSpenderOptions(call)
	if err != nil {
		return nil, err
	}
	refs := make([]outputRef, len(outputs))
	ops := make([]wire.OutPoint, len(outputs))
	for i := range refs {
		txid, err := refs[i].parse(outputs[i])
		if err != nil {
			return nil, err
		}
		ops[i] = wire.OutPoint{Hash: txid, Index: uint32(refs[i].Vout)}
	}
	return n.spentOutputs(ctx, refs, ops, options)
}

// spentOutputs looks into the mempool first, and then, unless told not to, for
// the others into the index.
func (n mempoolQueries) spentOutputs(ctx context.Context, refs []outputRef, ops []wire.OutPoint, options spenderOptions) ([]spentOutput, error) {
	results := make([]spentOutput, len(ops))
	var rest []int
	for i, op := range ops {
		results[i].outputRef = refs[i]
		if spender := n.Mempool.Spender(op); spender != nil {
			results[i].set(spender.Tx, options.ReturnTx)
		} else {
			rest = append(rest, i)
		}
	}
	if len(rest) == 0 || options.mempoolOnly(n.Indexes.Spenders == nil) {
		return results, nil
	}
	if err := n.awaitSpenders(ctx); err != nil {
		return nil, err
	}
	for _, i := range rest {
		found, err := n.Indexes.Spenders.Find(ops[i])
		if err != nil {
			return nil, err
		}
		if found != nil {
			results[i].set(found.Tx, options.ReturnTx)
			results[i].BlockHash = found.Block.Hash.String()
		}
	}
	return results, nil
}

// awaitSpenders fails if the index of spenders cannot answer.
func (n mempoolQueries) awaitSpenders(ctx context.Context) error {
	ready := false
	if n.Indexes.Spenders != nil {
		var err error
		if ready, err = n.Indexes.Await(ctx, n.Indexes.Spenders); err != nil {
			return err
		}
	}
	if !ready {
		return rpc.Errorf(rpc.MiscError, "Mempool lacks a relevant spend, and txospenderindex is unavailable.")
	}
	return nil
}

type prioritised struct {
	Delta     int64  `json:"fee_delta"`
	InMempool bool   `json:"in_mempool"`
	Modified  *int64 `json:"modified_fee,omitempty"`
}

func (n mempoolQueries) getPrioritised(context.Context, *rpc.Call) (any, error) {
	result := map[string]prioritised{}
	for txid, delta := range n.Mempool.Priorities() {
		p := prioritised{Delta: delta}
		if details, ok := n.Mempool.Details(txid); ok {
			p.InMempool, p.Modified = true, &details.Modified
		}
		result[txid.String()] = p
	}
	return result, nil
}
