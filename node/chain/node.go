package chain

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/blockfile"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// BlockNode is a header in the tree. What is exported never changes.
type BlockNode struct {
	Hash       chainhash.Hash
	Parent     *BlockNode // nil for genesis
	Height     int32
	Version    int32
	MerkleRoot chainhash.Hash
	Time       int64 // Unix seconds
	Bits       uint32
	Nonce      uint32
	Work       consensus.Uint256 // of the branch up to here
	TimeMax    int64             // latest time of the branch up to here

	skip *BlockNode // an ancestor far below

	// Guarded by the tree's lock.
	status  status
	txCount int32 // of the block, zero if it was never seen
	chainTx int64 // of the branch, zero if a block of it was never seen
	block   blockfile.Pos
	undo    uint32 // offset in the rev file of the block's number
	seq     int32  // order of arrival of the block; lower wins among equals
}

type status uint8

const (
	haveBlock    status = 1 << iota // the block is in a file
	haveUndo                        // its undo data is
	failed                          // it or an ancestor is invalid
	validTxs                        // CheckBlock and CheckPlaced passed
	validScripts                    // it was connected once
)

// Header returns the node's header.
func (n *BlockNode) Header() wire.BlockHeader {
	h := wire.BlockHeader{
		Version: n.Version, MerkleRoot: n.MerkleRoot, Timestamp: time.Unix(n.Time, 0), Bits: n.Bits, Nonce: n.Nonce,
	}
	if n.Parent != nil {
		h.PrevBlock = n.Parent.Hash
	}
	return h
}

// AppendHeader appends the 80 bytes of the header.
func (n *BlockNode) AppendHeader(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(n.Version))
	dst = append(dst, n.prevHash()[:]...)
	dst = append(dst, n.MerkleRoot[:]...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(n.Time))
	dst = binary.LittleEndian.AppendUint32(dst, n.Bits)
	return binary.LittleEndian.AppendUint32(dst, n.Nonce)
}

func (n *BlockNode) prevHash() *chainhash.Hash {
	if n.Parent == nil {
		return &chainhash.Hash{}
	}
	return &n.Parent.Hash
}

func newNode(h *wire.BlockHeader, hash chainhash.Hash, parent *BlockNode) *BlockNode {
	n := &BlockNode{
		Hash: hash, Parent: parent, Version: h.Version, MerkleRoot: h.MerkleRoot,
		Time: h.Timestamp.Unix(), Bits: h.Bits, Nonce: h.Nonce, Work: consensus.Work(h.Bits),
	}
	n.TimeMax = n.Time
	if parent != nil {
		n.Height = parent.Height + 1
		n.TimeMax = max(n.TimeMax, parent.TimeMax)
		n.skip = parent.Ancestor(skipHeight(n.Height))
		if n.Bits == parent.Bits && parent.Parent != nil {
			// The work of a target is costly to compute.
			n.Work = parent.Work.Sub(parent.Parent.Work)
		}
		n.Work = n.Work.Add(parent.Work)
	}
	return n
}

// skipHeight chooses the ancestor that skip points to, so that any ancestor
// is reached in a logarithmic number of steps.
func skipHeight(height int32) int32 {
	if height < 2 {
		return 0
	}
	clearLowest := func(n int32) int32 { return n & (n - 1) }
	if height&1 != 0 {
		return clearLowest(clearLowest(height-1)) + 1
	}
	return clearLowest(height)
}

// Ancestor returns the node of this branch at height, nil if there is none.
func (n *BlockNode) Ancestor(height int32) *BlockNode {
	if n == nil || height < 0 || height > n.Height {
		return nil
	}
	for n.Height > height {
		skip, prev := skipHeight(n.Height), skipHeight(n.Height-1)
		if n.skip != nil && (skip == height || skip > height && !(prev < skip-2 && prev >= height)) {
			n = n.skip
		} else {
			n = n.Parent
		}
	}
	return n
}

// Fork returns the last common ancestor of two nodes.
func Fork(a, b *BlockNode) *BlockNode {
	if a.Height > b.Height {
		a = a.Ancestor(b.Height)
	} else {
		b = b.Ancestor(a.Height)
	}
	for a != b {
		if a.skip != nil && a.skip != b.skip {
			a, b = a.skip, b.skip
		} else {
			a, b = a.Parent, b.Parent
		}
	}
	return a
}

// medianSpan is how many blocks the median time past looks at (BIP113).
const medianSpan = 11

// MedianTime returns the median time past at the end of this block.
func (n *BlockNode) MedianTime() int64 {
	var buf [medianSpan]int64
	times := buf[:0]
	for at := n; at != nil && len(times) < medianSpan; at = at.Parent {
		times = append(times, at.Time)
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// better reports whether a is to be preferred to b as tip.
func better(a, b *BlockNode) bool {
	if order := a.Work.Cmp(b.Work); order != 0 {
		return order > 0
	}
	return a.seq < b.seq
}

// ISOTime returns the header's time as the log shows it.
func (n *BlockNode) ISOTime() string {
	return time.Unix(n.Time, 0).UTC().Format("2006-01-02T15:04:05Z")
}
