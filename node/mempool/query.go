package mempool

import (
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Figures describes the pool.
type Figures struct {
	Count    int
	VSize    int64
	Usage    int64
	Fees     int64
	Unheard  int // see AddUnheard
	Sequence uint64
}

// Figures returns those of this moment.
func (p *Reader) Figures() Figures {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return Figures{Count: len(p.entries), VSize: p.vsize, Usage: p.usage, Fees: p.fees, Unheard: len(p.unheard), Sequence: p.sequence}
}

// Details is what may change about an entry.
type Details struct {
	*Entry
	Modified        int64 // fee with priority
	AncestorCount   int   // with itself
	AncestorVSize   int64
	AncestorFees    int64 // with priority
	DescendantCount int
	DescendantVSize int64
	DescendantFees  int64
	ChunkFee        int64 // of the chunk that it would be mined with
	ChunkWeight     int64
	Unheard         bool             // see AddUnheard
	Signals         bool             // it or an ancestor signals that it may be replaced (BIP125)
	Parents         []chainhash.Hash // txids in the pool that it spends
	Children        []chainhash.Hash // txids that spend it
}

func (p *Reader) details(e *Entry) Details {
	d := Details{Entry: e, Modified: e.modified()}
	up, down := e.ancestors(), e.descendants()
	d.AncestorCount, d.DescendantCount = len(up), len(down)
	d.AncestorFees, d.AncestorVSize = totals(up)
	d.DescendantFees, d.DescendantVSize = totals(down)
	_, d.Unheard = p.unheard[e.Tx.ID]
	for ancestor := range up {
		d.Signals = d.Signals || signals(ancestor.Tx)
	}
	d.Parents, d.Children = txids(e.parents), txids(e.children)
	for _, c := range e.cluster.linearized() {
		if slices.Contains(c.entries, e) {
			d.ChunkFee = c.fee
			d.ChunkWeight = c.weight
		}
	}
	return d
}

// signals reports whether a transaction says that it may be replaced (BIP125).
func signals(tx *consensus.Tx) bool {
	return slices.ContainsFunc(tx.TxIn, func(in *wire.TxIn) bool { return in.Sequence < wire.MaxTxInSequenceNum-1 })
}

func txids(set map[*Entry]struct{}) []chainhash.Hash {
	ids := make([]chainhash.Hash, 0, len(set))
	for e := range set {
		ids = append(ids, e.Tx.ID)
	}
	slices.SortFunc(ids, func(a, b chainhash.Hash) int { return slices.Compare(a[:], b[:]) })
	return ids
}

// Details returns those of a txid.
func (p *Reader) Details(txid chainhash.Hash) (Details, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	e := p.entries[txid]
	if e == nil {
		return Details{}, false
	}
	return p.details(e), true
}

// All returns the details of all entries, parents first, and the sequence
// number of that moment.
func (p *Reader) All() ([]Details, uint64) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	all := make([]Details, 0, len(p.entries))
	for _, e := range p.ordered() {
		all = append(all, p.details(e))
	}
	return all, p.sequence
}

// Entries returns all entries, parents first, and the sequence number of that
// moment.
func (p *Reader) Entries() ([]*Entry, uint64) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.ordered(), p.sequence
}

// EachTx calls fn for every transaction with its wtxid, in no order, until it reports
// false, and returns what it reported last; true if there is none. fn must not call the
// pool.
func (p *Reader) EachTx(fn func(wtxid *chainhash.Hash, tx *consensus.Tx) (more bool)) (more bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for i := range p.listed {
		if !fn(&p.listed[i].wtxid, p.listed[i].tx) {
			return false
		}
	}
	return true
}

func (p *Reader) ordered() []*Entry {
	set := make(map[*Entry]struct{}, len(p.entries))
	for _, e := range p.entries {
		set[e] = struct{}{}
	}
	return parentsFirst(set)
}

// Ancestors returns the details of what an entry depends on, without itself.
func (p *Reader) Ancestors(txid chainhash.Hash) ([]Details, bool) {
	return p.relatives(txid, (*Entry).ancestors)
}

// Descendants returns the details of what depends on an entry, without itself.
func (p *Reader) Descendants(txid chainhash.Hash) ([]Details, bool) {
	return p.relatives(txid, (*Entry).descendants)
}

func (p *Reader) relatives(txid chainhash.Hash, of func(*Entry) map[*Entry]struct{}) ([]Details, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	e := p.entries[txid]
	if e == nil {
		return nil, false
	}
	set := of(e)
	delete(set, e)
	var all []Details
	for _, other := range parentsFirst(set) {
		all = append(all, p.details(other))
	}
	return all, true
}

// standing is where an entry stands in the order of a miner.
type standing struct {
	wtxid       chainhash.Hash
	fee, weight int64 // of its chunk
	cluster     *cluster
	at          int // within the cluster
}

// placedAtOnce is how many entries are looked up before those who change the pool have
// a turn.
const placedAtOnce = 1000

// Best returns those of some transactions, by wtxid, that are in the pool, in the
// order in which a miner would take them: by the fee rates of their clusters' chunks.
// They are many, so the pool may change meanwhile.
func (p *Reader) Best(wtxids []chainhash.Hash) []chainhash.Hash {
	all := make([]standing, 0, len(wtxids))
	for some := range slices.Chunk(wtxids, placedAtOnce) {
		all = p.standings(all, some)
	}
	// Those of one cluster stand in their order, and stay in it.
	slices.SortStableFunc(all, func(a, b standing) int {
		if order := compareRates(b.fee, b.weight, a.fee, a.weight); order != 0 || a.cluster != b.cluster {
			return order
		}
		return a.at - b.at
	})
	best := make([]chainhash.Hash, len(all))
	for i := range all {
		best[i] = all[i].wtxid
	}
	return best
}

// standings adds to all where some transactions stand.
func (p *Reader) standings(all []standing, some []chainhash.Hash) []standing {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, wtxid := range some {
		e := p.byWtxid[wtxid]
		if e == nil {
			continue
		}
		at := 0
		for _, chunk := range e.cluster.linearized() {
			if i := slices.Index(chunk.entries, e); i >= 0 {
				all = append(all, standing{wtxid, chunk.fee, chunk.weight, e.cluster, at + i})
				break
			}
			at += len(chunk.entries)
		}
	}
	return all
}

// Chunk is a run of transactions that a miner takes together.
type Chunk struct {
	Txids  []chainhash.Hash // none before one that it spends
	Fee    int64            // satoshi, with priority
	Weight int64            // BIP141, or more if they have many signature operations
}

// Cluster returns the chunks of a transaction and all that it is connected with by
// spends, the best first.
func (p *Reader) Cluster(txid chainhash.Hash) ([]Chunk, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	e := p.entries[txid]
	if e == nil {
		return nil, false
	}
	var chunks []Chunk
	for _, c := range e.cluster.linearized() {
		shown := Chunk{Fee: c.fee, Weight: c.weight}
		for _, member := range c.entries {
			shown.Txids = append(shown.Txids, member.Tx.ID)
		}
		chunks = append(chunks, shown)
	}
	return chunks, true
}

// Diagram returns the fees and weights of all chunks, the best first.
func (p *Reader) Diagram() []Chunk {
	p.mu.RLock()
	var all []chunk
	for _, e := range p.entries {
		if chunks := e.cluster.linearized(); chunks[0].entries[0] == e {
			all = append(all, chunks...)
		}
	}
	p.mu.RUnlock()
	slices.SortFunc(all, byRate)
	diagram := make([]Chunk, len(all))
	for i, c := range all {
		diagram[i] = Chunk{Fee: c.fee, Weight: c.weight}
	}
	return diagram
}
