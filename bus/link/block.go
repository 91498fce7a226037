package link

import (
	"sync"
	"sync/atomic"
)

const (
	bufferBytes = 64 << 10  // what one read may bring
	chunkBytes  = 16 << 10  // small outbound messages are collected in chunks
	blockBytes  = 256 << 10 // large inbound messages are kept in blocks
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
	blockPool  = sync.Pool{New: func() any { return &block{mem: make([]byte, blockBytes)} }}
	bufferPool = sync.Pool{New: func() any { return &block{mem: make([]byte, bufferBytes)} }}
)

// newBlock takes a block with one holder.
func newBlock(pool *sync.Pool) *block {
	b := pool.Get().(*block)
	b.pool = pool
	b.refs.Store(1)
	return b
}

func (b *block) hold() { b.refs.Add(1) }

// release gives up one hold. The memory must not be touched after it.
func (b *block) release() {
	if b.refs.Add(-1) == 0 {
		b.pool.Put(b)
	}
}
