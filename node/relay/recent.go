package relay

import (
	"crypto/rand"
	"encoding/binary"
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/compact"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Bounds of what is kept to put compact blocks together with: what the mempool
// refused or dropped may be in a block all the same.
const (
	maxExtraTxSize  = 100_000
	maxPrefillBytes = 10_000
)

// extraTxs are transactions that are not in the mempool, the last ones, and those
// of the last block: of two blocks that compete, the second has most of them.
type extraTxs struct {
	mu    sync.Mutex
	ring  []*consensus.Tx // nil where there is none yet
	next  int
	block *consensus.Block
	// byHash finds what is in block by txid and wtxid; nil until somebody asks.
	byHash map[chainhash.Hash]*consensus.Tx
}

// add keeps a transaction in place of the oldest one.
func (e *extraTxs) add(tx *consensus.Tx) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.ring) == 0 || tx.Size > maxExtraTxSize {
		return
	}
	e.ring[e.next] = tx
	e.next = (e.next + 1) % len(e.ring)
}

func (e *extraTxs) connected(block *consensus.Block) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.block, e.byHash = block, nil
}

// inBlock returns a transaction of the last block by its txid or wtxid, or nil.
func (e *extraTxs) inBlock(hash chainhash.Hash, wtxid bool) *consensus.Tx {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.block == nil {
		return nil
	}
	if e.byHash == nil {
		e.byHash = make(map[chainhash.Hash]*consensus.Tx, 2*len(e.block.Txs))
		for _, tx := range e.block.Txs {
			e.byHash[tx.ID], e.byHash[tx.WitnessID] = tx, tx
		}
	}
	if tx := e.byHash[hash]; tx != nil && (hash == tx.WitnessID || !wtxid) && (hash == tx.ID || wtxid) {
		return tx
	}
	return nil
}

// each calls offer until it reports that nothing is missing any more.
func (e *extraTxs) each(offer func(wtxid *chainhash.Hash, tx *consensus.Tx) (more bool)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, tx := range e.ring {
		if tx != nil && !offer(&tx.WitnessID, tx) {
			return
		}
	}
	if e.block == nil {
		return
	}
	for _, tx := range e.block.Txs {
		if !offer(&tx.WitnessID, tx) {
			return
		}
	}
}

// recentCompact is the compact block that was encoded last: one encoding serves
// all peers.
type recentCompact struct {
	mu   sync.Mutex
	hash chainhash.Hash
	raw  []byte
	// lacked are the transactions that we had to ask for of the block called
	// lackedOf: our peers are likely to lack them, too.
	lackedOf chainhash.Hash
	lacked   []int
}

// assembled notes what had to be asked for when a block was put together.
func (c *recentCompact) assembled(block *consensus.Block, asked []uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lackedOf, c.lacked = block.Hash, nil
	bytes := 0
	for _, i := range asked {
		if bytes += block.Txs[i].Size; bytes > maxPrefillBytes {
			return
		}
		c.lacked = append(c.lacked, int(i))
	}
}

// encode returns the cmpctblock message of a block, which read reads.
func (c *recentCompact) encode(at *chain.BlockNode, read func(*chain.BlockNode) (*consensus.Block, error)) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hash == at.Hash {
		return c.raw, nil
	}
	block, err := read(at)
	if err != nil {
		return nil, err
	}
	var nonce [8]byte
	_, _ = rand.Read(nonce[:]) // never fails: crypto/rand
	var prefill []int
	if c.lackedOf == at.Hash {
		prefill = c.lacked
	}
	c.hash, c.raw = at.Hash, compact.Encode(block, binary.LittleEndian.Uint64(nonce[:]), prefill)
	return c.raw, nil
}
