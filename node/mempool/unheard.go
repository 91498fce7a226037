package mempool

import (
	"maps"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// AddUnheard notes transactions of the pool that our user has sent and no peer has asked
// for yet (Bitcoin Core's unbroadcast set): they are announced again until one has. It
// returns how many of them are in the pool.
func (p *Pool) AddUnheard(txids ...chainhash.Hash) (there int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, txid := range txids {
		if p.entries[txid] != nil {
			p.unheard[txid] = struct{}{}
			there++
		}
	}
	return there
}

// Heard notes that a peer has asked for a transaction, by its txid. It may be called
// from anywhere at any time.
func (p *Reader) Heard(txid chainhash.Hash) {
	p.mu.RLock()
	_, unheard := p.unheard[txid]
	p.mu.RUnlock()
	if !unheard {
		return // so it is nearly always
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.unheard, txid)
}

// Unheard returns the txids that no peer has asked for yet.
func (p *Reader) Unheard() []chainhash.Hash {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.Collect(maps.Keys(p.unheard))
}
