package link

import (
	"sync"
	"sync/atomic"
)

const (
	chunkBytes  = 16 << 10  // small outbound messages are collected in chunks
	bufferBytes = 64 << 10  // what one read may bring
	blockBytes  = 256 << 10 // the largest piece of a large inbound message
	// largeFrame is the size from which a frame is queued by reference.
	largeFrame = 8 << 10
)

// block is pooled memory that one or more holders share.
type block struct {
	mem  []byte
	refs atomic.Int32
	pool *sync.Pool
}

// The pools hold memory, no state.
var (
	chunkPool  = sync.Pool{New: func() any { return &block{mem: make([]byte, chunkBytes)} }}
	bufferPool = sync.Pool{New: func() any { return &block{mem: make([]byte, bufferBytes)} }}
	blockPool  = sync.Pool{New: func() any { return &block{mem: make([]byte, blockBytes)} }}
)

// newBlock takes a block with one holder.
func newBlock(pool *sync.Pool) *block {
	b := pool.Get().(*block)
	b.pool = pool
	b.refs.Store(1)
	return b
}

// nextBlock takes a block for a message of which have bytes are kept already
// and at least need more will come. What stays unused of the last block is
// little beside the message: it is held for as long as the message is queued.
func nextBlock(have, need int) *block {
	want := max(need, have/4)
	switch {
	case want > blockBytes-blockBytes/8:
		return newBlock(&blockPool)
	case want > bufferBytes-bufferBytes/8:
		return newBlock(&bufferPool)
	}
	return newBlock(&chunkPool)
}

func (b *block) hold() { b.refs.Add(1) }

// release gives up one hold and reports whether it was the last. The memory
// must not be touched after it.
func (b *block) release() bool {
	if b.refs.Add(-1) > 0 {
		return false
	}
	b.pool.Put(b)
	return true
}
