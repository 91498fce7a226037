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
// invalid when it is connected, its sender's worker is told. Its lock is
// sharing's.
type sources map[chainhash.Hash]download.Holder

// sent notes who sent a block.
func (s *sharing) sent(h download.Holder, hash chainhash.Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sources) < maxSources {
		s.sources[hash] = h
	}
}

// settled forgets who sent a block whose time has come, and returns it.
func (s *sharing) settled(hash chainhash.Hash) (sender download.Holder, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sender, known = s.sources[hash]
	delete(s.sources, hash)
	return sender, known
}

// forget forgets a peer, or all of a worker's, that is gone.
func (b sources) forget(gone func(download.Holder) bool) {
	for hash, h := range b {
		if gone(h) {
			delete(b, hash)
		}
	}
}

// blame tells the worker of whoever sent a block that it is invalid. The sender
// of one that is refused at once learns it from the reply, too.
func (n *node) blame(hash chainhash.Hash, reject *consensus.Reject) {
	sender, known := n.sharing.settled(hash)
	if !known || !blames(reject.Result) {
		return
	}
	ev := msg.PeerBlamedEvent{Peer: sender.Peer, Hash: hash, Reason: reject.Reason}
	n.out.send(func(ctx context.Context, conn *bus.Conn) error {
		return msg.PeerBlamed.PublishTo(ctx, conn, sender.Worker, ev)
	})
}
