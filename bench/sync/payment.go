package main

import (
	"runtime"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// payment is a transaction with what it spends and makes. It is not signed
// when it is made.
type payment struct {
	tx    *wire.MsgTx
	spent []coin
	made  []coin
	depth int            // of unconfirmed ancestors
	id    chainhash.Hash // once it is signed
}

func newPayment() *payment { return &payment{tx: wire.NewMsgTx(2)} }

// take adds an input.
func (p *payment) take(c coin, sequence uint32) {
	p.spent = append(p.spent, c)
	p.tx.AddTxIn(&wire.TxIn{PreviousOutPoint: c.at, Sequence: sequence})
	if c.from != nil {
		p.depth = max(p.depth, c.from.depth+1)
	}
}

// add makes a coin.
func (p *payment) add(c coin) {
	c.from, c.at.Index = p, uint32(len(p.tx.TxOut))
	p.made = append(p.made, c)
	p.tx.AddTxOut(&wire.TxOut{Value: c.value, PkScript: c.script})
}

func (p *payment) value() (sum int64) {
	for _, c := range p.spent {
		sum += c.value
	}
	return sum
}

// FetchPrevOutput is how signature hashes find what is spent.
func (p *payment) FetchPrevOutput(op wire.OutPoint) *wire.TxOut {
	for _, c := range p.spent {
		if c.at == op {
			return &wire.TxOut{Value: c.value, PkScript: c.script}
		}
	}
	return nil
}

// sign needs the payments that it spends from signed.
func (w *wallet) sign(p *payment) error {
	for i := range p.spent {
		if c := &p.spent[i]; c.from != nil {
			c.at.Hash = c.from.id
			p.tx.TxIn[i].PreviousOutPoint = c.at
		}
	}
	hashes := txscript.NewTxSigHashes(p.tx, p)
	for i, c := range p.spent {
		if err := c.kind.unlock(&input{payment: p, owner: w.owner(c), index: i, coin: c, hashes: hashes}); err != nil {
			return err
		}
	}
	p.id = p.tx.TxHash()
	return nil
}

// families parts payments, parents before children, so that none spends from
// another part. A payment has one parent among them at most.
func families(payments []*payment) (parts [][]*payment) {
	part := map[*payment]int{}
	for _, p := range payments {
		own := len(parts)
		for _, c := range p.spent {
			if of, ok := part[c.from]; ok {
				own = of
			}
		}
		if own == len(parts) {
			parts = append(parts, nil)
		}
		parts[own], part[p] = append(parts[own], p), own
	}
	return parts
}

// signAll signs payments, parents before children, on all processors.
func (w *wallet) signAll(payments []*payment) ([]*consensus.Tx, error) {
	parts := families(payments)
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	const share = 64
	for from := 0; from < len(parts); from += share {
		group.Go(func() error {
			for _, part := range parts[from:min(from+share, len(parts))] {
				for _, p := range part {
					if err := w.sign(p); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return transactions(payments), nil
}

func transactions(payments []*payment) []*consensus.Tx {
	var txs []*consensus.Tx
	for _, p := range payments {
		txs = append(txs, consensus.NewTx(p.tx))
	}
	return txs
}
