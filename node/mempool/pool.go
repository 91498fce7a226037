package mempool

import (
	"maps"
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Pool is the mempool in the hands of its owner.
type Pool struct {
	*Reader
	floor     floor
	oldest    int64 // no entry is older
	evictions evictions
	events    []Event // of the call that is under way
}

// Reader finds what is in the pool. Its methods may be called from anywhere at
// any time.
type Reader struct {
	cfg Config

	mu       sync.RWMutex              // guards the fields below, and those of the Pool
	entries  map[chainhash.Hash]*Entry // by txid
	byWtxid  map[chainhash.Hash]*Entry
	listed   []listed // all of them, in no order
	spends   map[wire.OutPoint]*Entry
	deltas   map[chainhash.Hash]int64
	unheard  map[chainhash.Hash]struct{} // by txid; see AddUnheard
	usage    int64
	vsize    int64
	fees     int64
	sequence uint64
}

// New returns an empty pool.
func New(cfg Config) *Pool {
	return &Pool{Reader: &Reader{
		cfg: cfg, sequence: 1,
		entries: map[chainhash.Hash]*Entry{}, byWtxid: map[chainhash.Hash]*Entry{},
		spends: map[wire.OutPoint]*Entry{}, deltas: map[chainhash.Hash]int64{}, unheard: map[chainhash.Hash]struct{}{},
	}}
}

// Config returns the policy.
func (p *Reader) Config() Config { return p.cfg }

// Get returns the entry of a txid, or nil.
func (p *Reader) Get(txid chainhash.Hash) *Entry {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.entries[txid]
}

// GetWitness returns the entry of a wtxid, or nil.
func (p *Reader) GetWitness(wtxid chainhash.Hash) *Entry {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.byWtxid[wtxid]
}

// Spender returns the entry that spends an output, or nil.
func (p *Reader) Spender(op wire.OutPoint) *Entry {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.spends[op]
}

// mempoolHeight stands for the height of coins that are in no block yet.
const mempoolHeight = 1<<31 - 1

// coin finds what the i-th input spends, in the chain, in the pool, or among the
// transactions it comes with.
func (p *Pool) coin(c *candidate, i int) (coin coins.Coin, there, pooled bool) {
	op := c.Tx.TxIn[i].PreviousOutPoint
	parent := p.parent(op.Hash, c.opts.Package)
	if parent == nil {
		return c.confirmed[i].coin, c.confirmed[i].there, false
	}
	if int(op.Index) >= len(parent.TxOut) {
		return coin, false, true
	}
	out := parent.TxOut[op.Index]
	return coins.Coin{Value: out.Value, Script: out.PkScript, Height: mempoolHeight}, true, true
}

func (p *Pool) parent(txid chainhash.Hash, together []*consensus.Tx) *consensus.Tx {
	if e := p.entries[txid]; e != nil {
		return e.Tx
	}
	for _, tx := range together {
		if tx.ID == txid {
			return tx
		}
	}
	return nil
}

// insert links an entry with its parents and, after a reorganisation, its
// children.
func (p *Pool) insert(e *Entry) {
	e.parents, e.children = map[*Entry]struct{}{}, map[*Entry]struct{}{}
	p.entries[e.Tx.ID] = e
	p.byWtxid[e.Tx.WitnessID] = e
	p.list(e)
	for _, in := range e.Tx.TxIn {
		p.spends[in.PreviousOutPoint] = e
		if parent := p.entries[in.PreviousOutPoint.Hash]; parent != nil {
			e.parents[parent] = struct{}{}
			parent.children[e] = struct{}{}
		}
	}
	for i := range e.Tx.TxOut {
		if child := p.spends[wire.OutPoint{Hash: e.Tx.ID, Index: uint32(i)}]; child != nil {
			e.children[child] = struct{}{}
			child.parents[e] = struct{}{}
		}
	}
	if len(p.entries) == 1 || e.Time < p.oldest {
		p.oldest = e.Time
	}
	p.evictions.changed(len(p.entries), merge(e))
	e.usage = MemoryUsage(e.Tx)
	p.usage += e.usage
	p.vsize += e.VSize
	p.fees += e.Fee
}

// take removes one entry, leaving its relatives.
func (p *Pool) take(e *Entry, reason Reason, by *Entry) {
	delete(p.entries, e.Tx.ID)
	delete(p.byWtxid, e.Tx.WitnessID)
	p.unlist(e)
	_, unheard := p.unheard[e.Tx.ID]
	delete(p.unheard, e.Tx.ID)
	for _, in := range e.Tx.TxIn {
		delete(p.spends, in.PreviousOutPoint)
	}
	for parent := range e.parents {
		delete(parent.children, e)
	}
	for child := range e.children {
		delete(child.parents, e)
	}
	p.evictions.changed(len(p.entries), split(e)...)
	p.usage -= e.usage
	p.vsize -= e.VSize
	p.fees -= e.Fee
	p.events = append(p.events, Removed{Entry: e, Reason: reason, Sequence: p.nextSequence(), By: by, Unheard: unheard})
}

// takeAll removes entries, children first.
func (p *Pool) takeAll(set map[*Entry]struct{}, reason Reason, by *Entry) {
	order := parentsFirst(set)
	for i := len(order) - 1; i >= 0; i-- {
		p.take(order[i], reason, by)
	}
}

// takeEvents returns what a call has done, in order, for it to return. The caller
// holds mu.
func (p *Pool) takeEvents() []Event {
	events := p.events
	p.events = nil
	return events
}

func (p *Pool) nextSequence() uint64 {
	p.sequence++
	return p.sequence - 1
}

// Prioritise adds to the fee that a transaction counts with, whether or not
// it is in the pool.
func (p *Pool) Prioritise(txid chainhash.Hash, delta int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deltas[txid] += delta
	if p.deltas[txid] == 0 {
		delete(p.deltas, txid)
	}
	if e := p.entries[txid]; e != nil {
		e.delta = p.deltas[txid]
		e.cluster.chunks.Store(nil)
		p.evictions.changed(len(p.entries), e.cluster)
	}
}

// Priorities returns what Prioritise has added, by txid.
func (p *Reader) Priorities() map[chainhash.Hash]int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return maps.Clone(p.deltas)
}
