package wallet

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
	"github.com/bulkheadnode/bulkhead/wallet/follow"
	"github.com/bulkheadnode/bulkhead/wallet/ledger"
)

func (w commands) sendCommand(ctx context.Context, call *rpc.Call) (any, error) {
	p, err := w.paymentOf(call)
	if err != nil {
		return nil, err
	}
	verbose, err := call.Bool(10, false)
	if err != nil {
		return nil, err
	}
	txid, err := w.pay(ctx, p)
	if err != nil || !verbose {
		return txid.String(), err
	}
	return map[string]string{"txid": txid.String(), "fee_reason": "Fallback fee"}, nil
}

func (w commands) paymentOf(call *rpc.Call) (payment, error) {
	var p payment
	var err error
	if p.address, err = call.Text(0, ""); err != nil {
		return p, err
	}
	amount, err := call.Amount(1)
	if err != nil {
		return p, err
	}
	if amount <= 0 {
		return p, rpc.Errorf(rpc.TypeError, "Invalid amount for send")
	}
	p.amount = int64(amount)
	if p.subtractFee, err = call.Bool(4, false); err != nil {
		return p, err
	}
	p.feeRate, err = w.feeRate(call, 9)
	return p, err
}

// maxFeeRate in satoshi per 1000 vbytes: more is taken for a mistake.
const maxFeeRate = 10_000_000

// feeRate reads a fee rate in sat/vB, with up to three decimals, or takes the
// fallback.
func (w commands) feeRate(call *rpc.Call, arg int) (int64, error) {
	if !call.Has(arg) {
		if w.cfg.FallbackFee == 0 {
			return 0, rpc.Errorf(rpc.WalletError, "Fee estimation failed. Fallbackfee is disabled. Wait a few blocks or enable -fallbackfee.")
		}
		return max(w.cfg.FallbackFee, w.cfg.MinFee), nil
	}
	perByte, err := rpc.ParseAmount(call.Raw(arg))
	if err != nil {
		return 0, err
	}
	rate := int64(perByte) / 100_000
	switch {
	case int64(perByte)%100_000 != 0:
		return 0, rpc.Errorf(rpc.TypeError, "Invalid amount")
	case rate < w.cfg.MinFee:
		return 0, rpc.Errorf(rpc.InsufficientFunds, "Fee rate (%s) is lower than the minimum fee rate setting (%s).", perVByte(rate), perVByte(w.cfg.MinFee))
	case rate > maxFeeRate:
		return 0, rpc.Errorf(rpc.WalletError, "Fee rate exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)")
	}
	return rate, nil
}

// perVByte formats a fee rate in satoshi per 1000 vbytes.
func perVByte(rate int64) string { return fmt.Sprintf("%d.%03d sat/vB", rate/1000, rate%1000) }

// common is what every view of a transaction tells.
type common struct {
	Confirmations int32    `json:"confirmations"`
	Generated     bool     `json:"generated,omitempty"`
	Trusted       *bool    `json:"trusted,omitempty"`
	BlockHash     string   `json:"blockhash,omitempty"`
	BlockHeight   *int32   `json:"blockheight,omitempty"`
	BlockIndex    *int     `json:"blockindex,omitempty"`
	BlockTime     *int64   `json:"blocktime,omitempty"`
	Txid          string   `json:"txid"`
	Wtxid         string   `json:"wtxid"`
	Conflicts     []string `json:"walletconflicts"`
	MempoolRivals []string `json:"mempoolconflicts"`
	Time          int64    `json:"time"`
	Received      int64    `json:"timereceived"`
	Replaceable   string   `json:"bip125-replaceable"`
}

func (w commands) common(t *ledger.Tx) common {
	wtxid := t.Msg.WitnessHash()
	c := common{
		Confirmations: w.ledger.Confirmations(t), Generated: t.IsCoinbase(), Txid: t.Hash.String(), Wtxid: wtxid.String(),
		Conflicts: []string{}, MempoolRivals: []string{}, Time: t.Received, Received: t.Received, Replaceable: "no",
	}
	for _, rival := range w.ledger.Conflicts(t) {
		if w.ledger.Get(rival).Pool == ledger.Inside {
			c.MempoolRivals = append(c.MempoolRivals, rival.String())
		}
		c.Conflicts = append(c.Conflicts, rival.String())
	}
	if b := t.Block; b != nil {
		c.BlockHash, c.BlockHeight, c.BlockIndex, c.BlockTime = b.Hash.String(), &b.Height, &b.Index, &b.Time
		return c
	}
	trusted := w.ledger.IsTrusted(t)
	c.Trusted = &trusted
	const replaceable = 0xfffffffd // highest sequence that signals it (BIP125)
	for _, in := range t.Msg.TxIn {
		if in.Sequence <= replaceable {
			c.Replaceable = "yes"
		}
	}
	return c
}

// detail is one output that was sent or received.
type detail struct {
	Address   string      `json:"address,omitempty"`
	Label     *string     `json:"label,omitempty"`
	Category  string      `json:"category"`
	Amount    rpc.Amount  `json:"amount"`
	Vout      int         `json:"vout"`
	Fee       *rpc.Amount `json:"fee,omitempty"`
	Abandoned *bool       `json:"abandoned,omitempty"`
}

// details lists what a transaction sent, then what it received. Change is
// not shown.
func (w commands) details(t *ledger.Tx) []detail {
	flow := w.ledger.Flow(t)
	var sent, received []detail
	for i, out := range t.Msg.TxOut {
		change, ours := w.ledger.Owns(out.PkScript)
		addr := w.addressOf(out.PkScript)
		d := detail{Address: addr, Vout: i}
		if label, ok := w.labels[addr]; ok {
			d.Label = &label
		}
		if flow.Debit > 0 && !change {
			s := d
			abandoned := t.Abandoned
			s.Category, s.Amount, s.Abandoned = "send", rpc.Amount(-out.Value), &abandoned
			if flow.FeeKnown {
				fee := rpc.Amount(-flow.Fee)
				s.Fee = &fee
			}
			sent = append(sent, s)
		}
		if ours && !(flow.Debit > 0 && change) {
			d.Category, d.Amount = w.category(t), rpc.Amount(out.Value)
			received = append(received, d)
		}
	}
	return append(sent, received...)
}

func (w commands) category(t *ledger.Tx) string {
	switch depth := w.ledger.Confirmations(t); {
	case !t.IsCoinbase():
		return "receive"
	case depth < 1:
		return "orphan"
	case depth <= chains.CoinbaseMaturity:
		return "immature"
	}
	return "generate"
}

// shownTx is what gettransaction shows.
type shownTx struct {
	Amount rpc.Amount  `json:"amount"`
	Fee    *rpc.Amount `json:"fee,omitempty"`
	common
	Details []detail `json:"details"`
	Hex     string   `json:"hex"`
	Last    position `json:"lastprocessedblock"`
}

func (w commands) transactionCommand(call *rpc.Call) (any, error) {
	txid, err := call.Hash(0)
	if err != nil {
		return nil, err
	}
	t := w.ledger.Get(txid)
	if t == nil {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Invalid or non-wallet transaction id")
	}
	flow := w.ledger.Flow(t)
	amount := flow.Credit - flow.Debit
	var fee *rpc.Amount
	if flow.FeeKnown && flow.Debit > 0 {
		negative := rpc.Amount(-flow.Fee)
		fee = &negative
		amount += flow.Fee
	}
	if t.IsCoinbase() && w.category(t) == "immature" {
		amount = 0
	}
	var raw bytes.Buffer
	if err := t.Msg.Serialize(&raw); err != nil {
		return nil, err
	}
	return shownTx{rpc.Amount(amount), fee, w.common(t), append([]detail{}, w.details(t)...), hex.EncodeToString(raw.Bytes()), w.position()}, nil
}

// entry is one of listtransactions.
type entry struct {
	detail
	common
}

func (w commands) listCommand(call *rpc.Call) (any, error) {
	label, err := call.Text(0, "*")
	if err != nil {
		return nil, err
	}
	count, err := call.Int(1, 10)
	if err != nil {
		return nil, err
	}
	skip, err := call.Int(2, 0)
	if err != nil {
		return nil, err
	}
	if count < 0 {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Negative count")
	}
	if skip < 0 {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Negative from")
	}
	// The latest are wanted: they are looked for from the end.
	var list []entry
	txs := w.ledger.All()
	for i := len(txs) - 1; i >= 0 && len(list) < skip+count; i-- {
		details := w.details(txs[i])
		for j := len(details) - 1; j >= 0; j-- {
			d := details[j]
			if label == "*" || d.Category != "send" && d.Label != nil && *d.Label == label {
				list = append(list, entry{d, w.common(txs[i])})
			}
		}
	}
	list = list[min(skip, len(list)):min(skip+count, len(list))]
	slices.Reverse(list)
	return append([]entry{}, list...), nil
}

// abandonCommand gives a payment up.
func (w commands) abandonCommand(ctx context.Context, call *rpc.Call) (any, error) {
	txid, err := call.Hash(0)
	if err != nil {
		return nil, err
	}
	if _, err := w.catchUp(ctx); err != nil {
		return nil, err
	}
	w.steps.Lock()
	defer w.steps.Unlock()
	t := w.ledger.Get(txid)
	if t == nil {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Invalid or non-wallet transaction id")
	}
	if t.Block != nil || t.Pool != ledger.Outside || w.ledger.Confirmations(t) < 0 {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Transaction not eligible for abandonment")
	}
	return nil, w.step(follow.Abandon{Hash: txid})
}
