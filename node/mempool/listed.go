package mempool

import (
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// listed is an entry beside its wtxid: who looks at those of all entries, as each
// compact block does, reads memory from front to end.
type listed struct {
	wtxid chainhash.Hash
	tx    *consensus.Tx
	entry *Entry
}

func (p *Pool) list(e *Entry) {
	e.place = len(p.listed)
	p.listed = append(p.listed, listed{e.Tx.WitnessID, e.Tx, e})
}

// unlist puts the last one in the place of an entry.
func (p *Pool) unlist(e *Entry) {
	last := len(p.listed) - 1
	moved := p.listed[last]
	p.listed[e.place] = moved
	moved.entry.place = e.place
	p.listed[last] = listed{}
	p.listed = p.listed[:last]
}
