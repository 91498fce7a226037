package ledger

import (
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
)

// Coin is an unspent output of the wallet's.
type Coin struct {
	OutPoint      wire.OutPoint
	Value         int64 // satoshi
	Script        []byte
	Confirmations int32
	Change        bool
	Coinbase      bool
	Trusted       bool // confirmed, or unconfirmed and made by the wallet alone
	Mature        bool
}

// Balances in satoshi, as getbalances shows them.
type Balances struct {
	Trusted   int64 // can be spent
	Untrusted int64 // unconfirmed, from others
	Immature  int64 // coinbases that are too young
}

// Coins returns the unspent outputs, oldest first.
func (l *Ledger) Coins() []Coin {
	var coins []Coin
	s := l.standing()
	for _, t := range l.All() {
		if !s.counts(t) {
			continue
		}
		trusted := s.isTrusted(t)
		depth := l.Confirmations(t)
		coinbase := t.IsCoinbase()
		for i, out := range t.Msg.TxOut {
			change, ok := l.mine(out.PkScript)
			point := wire.OutPoint{Hash: t.Hash, Index: uint32(i)}
			if !ok || s.isSpent(point) {
				continue
			}
			coins = append(coins, Coin{
				OutPoint: point, Value: out.Value, Script: out.PkScript, Confirmations: depth, Change: change,
				Coinbase: coinbase, Trusted: trusted, Mature: !coinbase || depth > chains.CoinbaseMaturity,
			})
		}
	}
	return coins
}

// Owns reports whether a script is the wallet's, and of its change branch.
func (l *Ledger) Owns(script []byte) (change, ok bool) { return l.mine(script) }

// Balances sums the coins up.
func (l *Ledger) Balances() Balances {
	var b Balances
	for _, c := range l.Coins() {
		switch {
		case !c.Mature:
			b.Immature += c.Value
		case c.Trusted:
			b.Trusted += c.Value
		default:
			b.Untrusted += c.Value
		}
	}
	return b
}

// Flow is what a transaction means for the wallet, in satoshi.
type Flow struct {
	Debit  int64 // the wallet's outputs that it spends
	Credit int64 // the outputs it gives the wallet
	Fee    int64 // known if FeeKnown: all inputs are the wallet's
	// FeeKnown tells that the wallet paid for the whole transaction.
	FeeKnown bool
}

// Flow computes what a transaction means.
func (l *Ledger) Flow(t *Tx) Flow {
	f := Flow{FeeKnown: !t.IsCoinbase()}
	total := int64(0)
	for _, out := range t.Msg.TxOut {
		total += out.Value
		if _, ours := l.mine(out.PkScript); ours {
			f.Credit += out.Value
		}
	}
	for _, in := range t.Msg.TxIn {
		out := l.Output(in.PreviousOutPoint)
		if out == nil {
			f.FeeKnown = false
			continue
		}
		if _, ours := l.mine(out.PkScript); ours {
			f.Debit += out.Value
		} else {
			f.FeeKnown = false
		}
	}
	if f.FeeKnown {
		f.Fee = f.Debit - total
	}
	return f
}

// Output returns the output that a coin names; nil if the wallet does not
// know its transaction.
func (l *Ledger) Output(point wire.OutPoint) *wire.TxOut {
	t := l.txs[point.Hash]
	if t == nil || int64(point.Index) >= int64(len(t.Msg.TxOut)) {
		return nil
	}
	return t.Msg.TxOut[point.Index]
}
