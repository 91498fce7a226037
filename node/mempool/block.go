package mempool

import (
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// BlockConnected drops what a block contains and what conflicts with it.
func (p *Pool) BlockConnected(b *consensus.Block, now int64) []Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, tx := range b.Txs {
		if len(p.entries) > 0 {
			p.confirm(tx)
		}
		delete(p.deltas, tx.ID)
	}
	p.floor.updated, p.floor.falling = now, true
	return p.takeEvents()
}

func (p *Pool) confirm(tx *consensus.Tx) {
	if e := p.entries[tx.ID]; e != nil {
		p.take(e, ByBlock, nil)
	}
	for _, in := range tx.TxIn {
		if other := p.spends[in.PreviousOutPoint]; other != nil {
			p.takeAll(other.descendants(), ByConflict, nil)
		}
	}
}

// Reorg brings back what disconnected blocks contained, earliest first, and
// drops what the new chain does not allow any more. confirmed holds the txids
// of the blocks that were connected meanwhile.
func (p *Pool) Reorg(disconnected []*consensus.Tx, confirmed map[chainhash.Hash]struct{}, tip Tip) (events []Event) {
	for _, tx := range disconnected {
		if _, again := confirmed[tx.ID]; again {
			continue
		}
		if p.Get(tx.ID) != nil {
			continue // its block was not connected for long enough to be heard of
		}
		if tx.IsCoinbase() {
			events = append(events, p.dropSpenders(tx)...)
			continue
		}
		result, err := p.Accept(tx, tip, Options{Bypass: true})
		events = append(events, result.Events...)
		if err != nil {
			events = append(events, p.dropSpenders(tx)...)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropUnfit(tip)
	p.expire(tip.Now)
	p.trim(nil)
	return append(events, p.takeEvents()...)
}

// dropSpenders drops a transaction that is in no chain any more, and what
// spends its outputs.
func (p *Pool) dropSpenders(tx *consensus.Tx) []Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.entries[tx.ID]; e != nil {
		p.takeAll(e.descendants(), ByReorg, nil)
		return p.takeEvents()
	}
	for op, e := range p.spends {
		if op.Hash == tx.ID && p.entries[e.Tx.ID] == e {
			p.takeAll(e.descendants(), ByReorg, nil)
		}
	}
	return p.takeEvents()
}

// dropUnfit drops what is not final, not mature, or without inputs on the new
// chain.
func (p *Pool) dropUnfit(tip Tip) {
	unfit := map[*Entry]struct{}{}
	for _, e := range p.entries {
		c := &candidate{Entry: &Entry{Tx: e.Tx}, tip: tip}
		fits := consensus.IsFinal(e.Tx, tip.Height+1, tip.MedianTime)
		if fits {
			fits = p.stillSpends(c)
		}
		if !fits {
			for d := range e.descendants() {
				unfit[d] = struct{}{}
			}
		}
	}
	p.takeAll(unfit, ByReorg, nil)
}

func (p *Pool) stillSpends(c *candidate) bool {
	if c.lookUp() != nil || p.findCoins(c) != nil {
		return false
	}
	next := c.tip.Height + 1
	locks := consensus.SequenceLocks(c.Tx, c.heights, func(height int32) int64 {
		if height >= c.tip.Height {
			return c.tip.MedianTime
		}
		return c.tip.MedianTimeAt(height)
	})
	_, reject := consensus.CheckInputs(c.Tx, c.spent, next)
	return reject == nil && locks.Passed(next, c.tip.MedianTime)
}
