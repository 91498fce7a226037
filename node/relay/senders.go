package relay

import (
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/download"
)

// maxSenders bounds the blocks whose senders are remembered.
const maxSenders = 2 * download.Window

// blockSenders remembers who sent the blocks that are not connected yet: if one
// proves invalid when it is, its sender's worker is told, by an event and with
// the next answer, whichever comes first.
type blockSenders struct {
	of       map[chainhash.Hash]download.Holder
	offences map[download.Holder]*consensus.Reject // not told with an answer yet
}

func newBlockSenders() blockSenders {
	return blockSenders{of: map[chainhash.Hash]download.Holder{}, offences: map[download.Holder]*consensus.Reject{}}
}

// forget forgets the peers that are gone.
func (b blockSenders) forget(gone func(download.Holder) bool) {
	for hash, h := range b.of {
		if gone(h) {
			delete(b.of, hash)
		}
	}
	for h := range b.offences {
		if gone(h) {
			delete(b.offences, h)
		}
	}
}

// txSenders remembers who sent the transactions that are being looked at. It
// has a lock of its own: the mempool's events ask for senders while the mempool's
// lock is held, and downloads asks the mempool while its lock is.
type txSenders struct {
	mu sync.Mutex
	of map[chainhash.Hash]int64 // by wtxid
}

// add notes who sent a transaction until done is called.
func (s *txSenders) add(wtxid chainhash.Hash, peer int64) (done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of[wtxid] = peer
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.of, wtxid)
	}
}

func (s *txSenders) get(wtxid chainhash.Hash) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if peer, ok := s.of[wtxid]; ok {
		return peer
	}
	return p2p.NoPeer
}
