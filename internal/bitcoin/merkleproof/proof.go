package merkleproof

import (
	"bytes"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/serial"
)

// maxTxs is more than any block has: its weight by the least weight of a transaction.
const maxTxs = 4_000_000 / (4 * 60)

// headerBytes is the length of a header.
const headerBytes = 80

// Proof is a header and a part of its tree.
type Proof struct {
	Header wire.BlockHeader
	Txs    uint32 // of the block
	hashes []chainhash.Hash
	flags  []byte // a bit a node, the lowest first: whether a transaction is below it
}

// New proves that the transactions that are chosen are in a block of txids.
func New(header wire.BlockHeader, txids []chainhash.Hash, chosen func(chainhash.Hash) bool) *Proof {
	p := &Proof{Header: header, Txs: uint32(len(txids))}
	b := builder{Proof: p, levels: []level{{hashes: txids, chosen: make([]bool, len(txids))}}}
	for i, id := range txids {
		b.levels[0].chosen[i] = chosen(id)
	}
	for len(b.levels[len(b.levels)-1].hashes) > 1 {
		b.levels = append(b.levels, b.levels[len(b.levels)-1].above())
	}
	b.add(len(b.levels)-1, 0)
	return p
}

// level is the nodes of one height.
type level struct {
	hashes []chainhash.Hash
	chosen []bool // a transaction below is
}

// above returns the next level: the last of an odd number is its own neighbour.
func (l level) above() (next level) {
	for i := 0; i < len(l.hashes); i += 2 {
		right := min(i+1, len(l.hashes)-1)
		next.hashes = append(next.hashes, parent(l.hashes[i], l.hashes[right]))
		next.chosen = append(next.chosen, l.chosen[i] || l.chosen[right])
	}
	return next
}

func parent(left, right chainhash.Hash) chainhash.Hash {
	return chainhash.DoubleHashH(append(left[:], right[:]...))
}

type builder struct {
	*Proof
	levels []level
	bits   int
}

func (b *builder) add(height, at int) {
	l := b.levels[height]
	if b.bits%8 == 0 {
		b.flags = append(b.flags, 0)
	}
	if l.chosen[at] {
		b.flags[b.bits/8] |= 1 << (b.bits % 8)
	}
	b.bits++
	if height == 0 || !l.chosen[at] {
		b.hashes = append(b.hashes, l.hashes[at])
		return
	}
	b.add(height-1, 2*at)
	if 2*at+1 < len(b.levels[height-1].hashes) {
		b.add(height-1, 2*at+1)
	}
}

// Serialize returns the bytes of a proof.
func (p *Proof) Serialize() []byte {
	raw := bytes.NewBuffer(nil)
	// A bytes.Buffer does not fail.
	_ = p.Header.Serialize(raw)
	b := append(raw.Bytes(), byte(p.Txs), byte(p.Txs>>8), byte(p.Txs>>16), byte(p.Txs>>24))
	b = serial.AppendCompactSize(b, uint64(len(p.hashes)))
	for _, hash := range p.hashes {
		b = append(b, hash[:]...)
	}
	return serial.AppendVarBytes(b, p.flags)
}

// Parse reads a proof that raw begins with. What follows is of no matter.
func Parse(raw []byte) (*Proof, error) {
	r := serial.NewReader(raw)
	p := &Proof{}
	header := r.Take(headerBytes)
	p.Txs = r.Uint32()
	for n := r.CompactSize(); n > 0 && r.Err() == nil; n-- {
		p.hashes = append(p.hashes, r.Hash())
	}
	p.flags = r.VarBytes()
	if r.Err() != nil {
		return nil, r.Err()
	}
	return p, p.Header.Deserialize(bytes.NewReader(header))
}

// Matches returns the transactions that a proof is of. It fails if the proof is not one of
// the header's root.
func (p *Proof) Matches() (txids []chainhash.Hash, ok bool) {
	bits := 8 * len(p.flags)
	if p.Txs == 0 || p.Txs > maxTxs || len(p.hashes) > int(p.Txs) || bits < len(p.hashes) {
		return nil, false
	}
	height := 0
	for p.width(height) > 1 {
		height++
	}
	w := walk{Proof: p}
	root := w.node(height, 0)
	if w.broken || (w.bits+7)/8 != len(p.flags) || w.used != len(p.hashes) || root != p.Header.MerkleRoot {
		return nil, false
	}
	return w.found, true
}

// width is how many nodes there are at a height.
func (p *Proof) width(height int) uint32 { return (p.Txs + 1<<height - 1) >> height }

// walk goes through a tree, depth first.
type walk struct {
	*Proof
	bits, used int // of flags and hashes
	found      []chainhash.Hash
	broken     bool
}

func (w *walk) node(height int, at uint32) (hash chainhash.Hash) {
	if w.broken || w.bits >= 8*len(w.flags) {
		w.broken = true
		return hash
	}
	below := w.flags[w.bits/8]>>(w.bits%8)&1 != 0
	w.bits++
	if height > 0 && below {
		return w.inner(height, at)
	}
	if w.used >= len(w.hashes) {
		w.broken = true
		return hash
	}
	hash = w.hashes[w.used]
	w.used++
	if below {
		w.found = append(w.found, hash)
	}
	return hash
}

func (w *walk) inner(height int, at uint32) chainhash.Hash {
	left := w.node(height-1, 2*at)
	right := left
	if 2*at+1 < w.width(height-1) {
		if right = w.node(height-1, 2*at+1); right == left {
			w.broken = true // CVE-2012-2459: transactions of a block differ
		}
	}
	return parent(left, right)
}
