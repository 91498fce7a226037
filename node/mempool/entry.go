package mempool

import (
	"bytes"
	"slices"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Entry is a transaction in the pool. Exported fields do not change.
type Entry struct {
	Tx             *consensus.Tx
	Fee            int64 // satoshi
	VSize          int64 // BIP141, or more if it has many signature operations
	Weight         int64 // likewise
	SigOps         int
	Time           int64 // when it entered, Unix seconds
	Height         int32 // of the tip then
	Sequence       uint64
	SpendsCoinbase bool

	// Guarded by the pool's lock.
	delta    int64 // of the fee, by prioritisetransaction
	heights  []int32
	parents  map[*Entry]struct{}
	children map[*Entry]struct{}
	cluster  *cluster
	usage    int64
	place    int // in Reader.listed
}

func (e *Entry) modified() int64 { return e.Fee + e.delta }

// closure returns e and what is reached from it by next.
func (e *Entry) closure(next func(*Entry) map[*Entry]struct{}) map[*Entry]struct{} {
	seen := map[*Entry]struct{}{e: {}}
	queue := []*Entry{e}
	for at := 0; at < len(queue); at++ {
		for other := range next(queue[at]) {
			if _, ok := seen[other]; !ok {
				seen[other] = struct{}{}
				queue = append(queue, other)
			}
		}
	}
	return seen
}

func (e *Entry) ancestors() map[*Entry]struct{} {
	return e.closure(func(e *Entry) map[*Entry]struct{} { return e.parents })
}

func (e *Entry) descendants() map[*Entry]struct{} {
	return e.closure(func(e *Entry) map[*Entry]struct{} { return e.children })
}

// parentsFirst orders entries so that none comes before one it spends.
func parentsFirst(set map[*Entry]struct{}) []*Entry {
	order := make([]*Entry, 0, len(set))
	depth := make(map[*Entry]int, len(set))
	var measure func(*Entry) int
	measure = func(e *Entry) int {
		if d, ok := depth[e]; ok {
			return d
		}
		d := 0
		for parent := range e.parents {
			if _, within := set[parent]; within {
				d = max(d, measure(parent)+1)
			}
		}
		depth[e] = d
		return d
	}
	for e := range set {
		measure(e)
		order = append(order, e)
	}
	slices.SortFunc(order, func(a, b *Entry) int {
		if d := depth[a] - depth[b]; d != 0 {
			return d
		}
		return bytes.Compare(a.Tx.ID[:], b.Tx.ID[:])
	})
	return order
}

// MemoryUsage estimates the bytes that Bitcoin Core counts for a transaction and
// its entry, so that -maxmempool means the same.
func MemoryUsage(tx *consensus.Tx) int64 {
	const (
		entry      = 420 // entry, its places in indexes, and the transaction itself
		input      = 112
		output     = 40
		allocation = 16
		inlined    = 28 // scripts up to this need no allocation
	)
	malloc := func(n int) int64 {
		if n == 0 {
			return 0
		}
		return int64(n+allocation+15) / 16 * 16
	}
	script := func(s []byte) int64 {
		if len(s) <= inlined {
			return 0
		}
		return malloc(len(s))
	}
	usage := entry + malloc(len(tx.TxIn)*input) + malloc(len(tx.TxOut)*output)
	for _, in := range tx.TxIn {
		usage += script(in.SignatureScript) + malloc(len(in.Witness)*24) + 64
		for _, item := range in.Witness {
			usage += malloc(len(item))
		}
	}
	for _, out := range tx.TxOut {
		usage += script(out.PkScript)
	}
	return usage
}
