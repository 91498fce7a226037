package chain

import (
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/coins"
)

// View is the best chain at one moment. It does not change.
type View struct {
	nodes      []*BlockNode // by height
	BestHeader *BlockNode   // most work, among headers not known to be invalid
	Initial    bool         // in initial block download

	coins *coins.Cache // of the engine; it moves on
}

// Tip returns the last block.
func (v *View) Tip() *BlockNode { return v.nodes[len(v.nodes)-1] }

// Height returns the tip's.
func (v *View) Height() int32 { return int32(len(v.nodes)) - 1 }

// nearTip is how many blocks may be missing to the best header at the tip.
const nearTip = 6

// CatchingUp reports whether the chain is known to go on for many blocks after
// this one, as it is in initial download and after a pause.
func (v *View) CatchingUp() bool { return v.Initial || v.BestHeader.Height-v.Height() > nearTip }

// At returns the block at height, nil if there is none.
func (v *View) At(height int32) *BlockNode {
	if height < 0 || int(height) >= len(v.nodes) {
		return nil
	}
	return v.nodes[height]
}

// Contains reports whether n is in the best chain.
func (v *View) Contains(n *BlockNode) bool { return v.At(n.Height) == n }

// Next returns the block after n if both are in the best chain, else nil.
func (v *View) Next(n *BlockNode) *BlockNode {
	if !v.Contains(n) {
		return nil
	}
	return v.At(n.Height + 1)
}

// Fork returns the last block of the best chain that n descends from.
func (v *View) Fork(n *BlockNode) *BlockNode {
	n = n.Ancestor(min(n.Height, v.Height()))
	for !v.Contains(n) {
		n = n.Parent
	}
	return n
}

// with returns the view whose chain goes to fork and then through path. A view
// that only grows shares its memory with its successor, which readers of the
// old one do not look beyond.
func (v *View) with(fork *BlockNode, path []*BlockNode) *View {
	keep := int(fork.Height) + 1
	next := *v
	if keep < len(v.nodes) {
		next.nodes = append(make([]*BlockNode, 0, keep+len(path)+1024), v.nodes[:keep]...)
	}
	next.nodes = append(next.nodes, path...)
	return &next
}

// maxLocator bounds how many hashes of a locator are looked at.
const maxLocator = 101

// Locator returns hashes of n and its ancestors, dense at first, then ever
// farther apart, ending with genesis.
func Locator(n *BlockNode) []chainhash.Hash {
	var hashes []chainhash.Hash
	step := int32(1)
	for n != nil {
		hashes = append(hashes, n.Hash)
		if n.Height == 0 {
			break
		}
		if len(hashes) > 10 {
			step *= 2
		}
		n = n.Ancestor(max(n.Height-step, 0))
	}
	return hashes
}

// FindLocator returns the best block that the view shares with the sender of a
// locator; genesis if none.
func (r *Reader) FindLocator(v *View, locator []chainhash.Hash) *BlockNode {
	for i, hash := range locator {
		if i == maxLocator {
			break
		}
		n := r.Lookup(hash)
		if n == nil {
			continue
		}
		if v.Contains(n) {
			return n
		}
		if n.Ancestor(v.Height()) == v.Tip() {
			return v.Tip()
		}
	}
	return v.At(0)
}

// Since returns a time, in Unix seconds, from which on blocks are missing on top of one,
// for estimates of progress: now, less a block's time for every header beyond it, if it
// is of the last two hours. Else it is the block's time, which its miner chose.
func (v *View) Since(at *BlockNode, now, spacing int64) int64 {
	const recent = 2 * 60 * 60
	if distance := now - at.Time; distance > recent || distance < -recent || v.BestHeader.Height < at.Height {
		return at.Time
	}
	return now - int64(v.BestHeader.Height-at.Height)*spacing
}
