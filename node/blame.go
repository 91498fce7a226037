package node

import (
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/download"
)

// maxSources bounds the blocks whose senders are remembered.
const maxSources = 2 * download.Window

// blame remembers who sent the blocks that wait for their turn to be
// connected: if one proves invalid then, its sender is told with the next
// answer. Its lock is sharing's.
type blame struct {
	sources map[chainhash.Hash]download.Holder
	guilty  map[download.Holder]*consensus.Reject
}

func newBlame() blame {
	return blame{sources: map[chainhash.Hash]download.Holder{}, guilty: map[download.Holder]*consensus.Reject{}}
}

// sent notes who sent a block.
func (s *sharing) sent(h download.Holder, hash chainhash.Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.blame.sources) < maxSources {
		s.blame.sources[hash] = h
	}
}

// settled forgets who sent a block whose time has come; refused is why it
// proved invalid, or nil.
func (s *sharing) settled(hash chainhash.Hash, refused *consensus.Reject) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, known := s.blame.sources[hash]
	delete(s.blame.sources, hash)
	if known && refused != nil && blames(refused.Result) {
		s.blame.guilty[h] = refused
	}
}

// convict returns what is to be told to a peer about earlier blocks.
func (s *sharing) convict(h download.Holder) *consensus.Reject {
	s.mu.Lock()
	defer s.mu.Unlock()
	reject := s.blame.guilty[h]
	delete(s.blame.guilty, h)
	return reject
}

// acquit forgets a peer, or all of a worker's, that is gone.
func (b *blame) acquit(gone func(download.Holder) bool) {
	for hash, h := range b.sources {
		if gone(h) {
			delete(b.sources, hash)
		}
	}
	for h := range b.guilty {
		if gone(h) {
			delete(b.guilty, h)
		}
	}
}
