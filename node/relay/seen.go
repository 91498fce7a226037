package relay

import (
	"context"
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// seenBlock is the block that was told to peers before its scripts were verified
// (BIP152), or in between.
type seenBlock struct {
	mu      sync.Mutex
	block   *consensus.Block // nil if there is none
	height  int32            // the highest of them all
	refused bool             // the block proved invalid
	settled chan struct{}    // closed when it was connected or refused, or another came; then nil
}

// see keeps a block of this height, unless there was one: of rivals one is told early.
func (s *seenBlock) see(height int32, block *consensus.Block) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if height <= s.height {
		return false
	}
	s.end()
	s.block, s.height, s.refused, s.settled = block, height, false, make(chan struct{})
	return true
}

// get returns the block of this hash, nil if it is another.
func (s *seenBlock) get(hash chainhash.Hash) *consensus.Block {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.block == nil || s.block.Hash != hash {
		return nil
	}
	return s.block
}

// passes reports whether the block of this hash is there and may be passed on.
func (s *seenBlock) passes(hash chainhash.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.block != nil && s.block.Hash == hash && !s.refused
}

// settle notes that a block was connected, or else refused, after which it is passed on
// no more: who has its compact form may have the rest.
func (s *seenBlock) settle(hash chainhash.Hash, connected bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.block == nil || s.block.Hash != hash {
		return
	}
	s.end()
	s.refused = !connected
}

// reached notes that the tip is at a height: a block of it or below is settled, if only
// as another won.
func (s *seenBlock) reached(height int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if height >= s.height {
		s.end()
	}
}

// end wakes who waits. The lock is held.
func (s *seenBlock) end() {
	if s.settled != nil {
		close(s.settled)
		s.settled = nil
	}
}

// await waits until the block of this hash is settled; at once if it is another.
func (s *seenBlock) await(ctx context.Context, hash chainhash.Hash) {
	s.mu.Lock()
	settled := s.settled
	waits := settled != nil && s.block.Hash == hash
	s.mu.Unlock()
	if !waits {
		return
	}
	select {
	case <-settled:
	case <-ctx.Done():
	}
}

// BlockStored reports whether peers that asked for compact blocks are to hear of a
// block at once: it comes next after the tip, and is the first of its height.
func (r *Relay) BlockStored(at *chain.BlockNode, block *consensus.Block) bool {
	view := r.chain.View()
	return !view.Initial && at.Parent == view.Tip() && at.Height >= r.cfg.Params.SegwitHeight && r.seen.see(at.Height, block)
}

// TipReached tells the height of a new tip.
func (r *Relay) TipReached(height int32) { r.seen.reached(height) }

// readBlock reads a block that peers may see, from memory if it is the last one.
func (r *Relay) readBlock(at *chain.BlockNode) (*consensus.Block, error) {
	if block := r.seen.get(at.Hash); block != nil {
		return block, nil
	}
	return r.chain.ReadBlock(at)
}
