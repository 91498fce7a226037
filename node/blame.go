package node

import (
	"context"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/download"
)

// maxSources bounds the blocks whose senders are remembered.
const maxSources = 2 * download.Window

// sources remembers who sent the blocks whose time has not come: if one proves
// invalid when it is connected, its sender's worker is told, by an event and
// with the next answer, whichever comes first. Its lock is sharing's.
type sources struct {
	of     map[chainhash.Hash]download.Holder
	guilty map[download.Holder]*consensus.Reject
}

func newSources() sources {
	return sources{of: map[chainhash.Hash]download.Holder{}, guilty: map[download.Holder]*consensus.Reject{}}
}

// sent notes who sent a block.
func (s *sharing) sent(h download.Holder, hash chainhash.Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sources.of) < maxSources {
		s.sources.of[hash] = h
	}
}

// settled forgets who sent a block whose time has come, and returns it.
func (s *sharing) settled(hash chainhash.Hash) (sender download.Holder, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sender, known = s.sources.of[hash]
	delete(s.sources.of, hash)
	return sender, known
}

// convict returns what is to be told to a peer about its earlier blocks.
func (s *sharing) convict(h download.Holder) *consensus.Reject {
	s.mu.Lock()
	defer s.mu.Unlock()
	reject := s.sources.guilty[h]
	delete(s.sources.guilty, h)
	return reject
}

// forget forgets a peer, or all of a worker's, that is gone.
func (b sources) forget(gone func(download.Holder) bool) {
	for hash, h := range b.of {
		if gone(h) {
			delete(b.of, hash)
		}
	}
	for h := range b.guilty {
		if gone(h) {
			delete(b.guilty, h)
		}
	}
}

// blame tells the worker of whoever sent a block that it is invalid.
func (n *node) blame(hash chainhash.Hash, reject *consensus.Reject) {
	sender, known := n.sharing.settled(hash)
	if !known || !blames(reject.Result) {
		return
	}
	n.sharing.mu.Lock()
	n.sharing.sources.guilty[sender] = reject
	n.sharing.mu.Unlock()
	ev := msg.PeerBlamedEvent{Peer: sender.Peer, Hash: hash, Reason: reject.Reason}
	n.out.send(func(ctx context.Context, conn *bus.Conn) error {
		return msg.PeerBlamed.PublishTo(ctx, conn, sender.Worker, ev)
	})
}
