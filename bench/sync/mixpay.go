package main

import (
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// What payments of the mix look like. The sizes of payments give about two
// inputs and three outputs a payment. In two weeks of spring 2025, 43 % of
// transactions had an OP_RETURN output or an inscription (the author of
// research.mempool.space/utxo-set-report, on nostr); here a third have. How
// many spend unconfirmed coins is assumed, and so are the sizes.
const (
	unconfirmedShare = 0.2 // of payments spend an output of the same block
	longestChain     = 24  // unconfirmed ancestors, as Bitcoin Core relayed them at most
	nullDataShare    = 0.3 // have an OP_RETURN output
	nullDataSize     = 20  // bytes, about what a rune's transfer takes
	smallestOutput   = 1000
)

// spans are how many inputs or outputs a payment has, with the share of
// payments that have at most so many.
type spans []struct {
	share       float64
	least, most int
}

var (
	mixInputs  = spans{{0.78, 1, 1}, {0.92, 2, 2}, {0.99, 3, 8}, {1, 9, 100}} // the last consolidate
	mixOutputs = spans{{0.20, 1, 1}, {0.85, 2, 2}, {0.97, 3, 5}, {1, 6, 60}}  // the last are batches
)

// number draws one.
func (f *mixFiller) number(s spans) int {
	place := f.random.Float64()
	i := 0
	for place >= s[i].share {
		i++
	}
	return s[i].least + f.random.IntN(s[i].most-s[i].least+1)
}

// pay makes the next payment, nil if there are no coins.
func (f *mixFiller) pay(height int32) *payment {
	p := f.payment(height)
	inputs := f.number(mixInputs)
	if f.random.Float64() < unconfirmedShare {
		f.takeUnconfirmed(p)
	}
	for range f.number(mixOutputs) {
		p.add(f.anyones(f.anyKind()))
	}
	if f.random.Float64() < nullDataShare {
		p.tx.AddTxOut(&wire.TxOut{PkScript: f.nullData()})
	}
	// A payment that could not pay for itself takes more coins.
	for len(p.spent) < inputs || p.value()-f.fee(p) < smallestOutput*2*int64(len(p.made)) {
		c, ok := f.draw()
		if !ok {
			f.returnCoins(p)
			return nil
		}
		f.take(p, c)
	}
	f.share(p)
	return p
}

// takeUnconfirmed spends an output of the same block, if the one that it draws
// has no lock time and not too many ancestors.
func (f *mixFiller) takeUnconfirmed(p *payment) {
	if len(f.fresh) == 0 {
		return
	}
	i := f.random.IntN(len(f.fresh))
	if c := f.fresh[i]; f.delay(c) == 0 && c.from.depth < longestChain {
		f.take(p, pick(&f.fresh, i))
	}
}

// returnCoins undoes a payment that there are not enough coins for.
func (f *mixFiller) returnCoins(p *payment) {
	for _, c := range p.spent {
		if c.from != nil {
			f.fresh = append(f.fresh, c)
		} else {
			f.coins = append(f.coins, c)
		}
	}
}

func (f *mixFiller) nullData() []byte {
	data := make([]byte, nullDataSize)
	for i := range data {
		data[i] = byte(f.random.Uint32())
	}
	return compose(script().AddOp(txscript.OP_RETURN).AddData(data))
}
