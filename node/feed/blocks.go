package feed

import (
	"context"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// BlockConnected publishes that a block came to the chain; initial tells that
// the chain is in initial download.
func (f *Feed) BlockConnected(at *chain.BlockNode, b *consensus.Block, initial bool) {
	f.block(msg.BlockConnected, at, b, initial)
}

// BlockDisconnected publishes that a block left the chain.
func (f *Feed) BlockDisconnected(at *chain.BlockNode, b *consensus.Block) {
	f.block(msg.BlockDisconnected, at, b, false)
}

// NewTip publishes which block ends a step of the chain, after its
// BlockConnected.
func (f *Feed) NewTip(at *chain.BlockNode, initial bool) {
	if !f.cfg.Events {
		return
	}
	ev := msg.TipEvent{Seq: f.next(), Height: at.Height, Hash: at.Hash, Initial: initial}
	f.send(func(ctx context.Context, conn *bus.Conn) error { return msg.NewTip.Publish(ctx, conn, ev) })
}

func (f *Feed) block(topic bus.Topic[msg.BlockEvent], at *chain.BlockNode, b *consensus.Block, initial bool) {
	if !f.cfg.Events {
		return
	}
	ev := msg.BlockEvent{
		Seq: f.next(), Height: at.Height, Hash: at.Hash, Initial: initial,
		Frames: bus.Frames{Attached: [][]byte{b.Raw}},
	}
	f.send(func(ctx context.Context, conn *bus.Conn) error { return topic.Publish(ctx, conn, ev) })
}

// TipChanged publishes the state of the chain, with the headers (80 bytes each)
// of blocks that are worth an announcement to peers. Without headers it may wait
// while the chain is in initial download.
func (f *Feed) TipChanged(initial bool, headers [][]byte) {
	f.mu.Lock()
	f.headers = append(f.headers, headers...)
	f.mu.Unlock()
	f.tips.changed(initial)
}

func (f *Feed) publishTip() (again bool) {
	f.mu.Lock()
	headers := f.headers
	f.headers = nil
	f.mu.Unlock()
	ev := p2p.TipChangedEvent{Tip: f.cfg.Tip(), Frames: bus.Frames{Attached: headers}}
	f.send(func(ctx context.Context, conn *bus.Conn) error { return msg.TipChanged.Publish(ctx, conn, ev) })
	return false
}

// BlockSeen publishes the header (80 bytes) of a block that comes next after the tip.
func (f *Feed) BlockSeen(header []byte) {
	ev := p2p.BlockSeenEvent{Frames: bus.Frames{Attached: [][]byte{header}}}
	f.send(func(ctx context.Context, conn *bus.Conn) error { return msg.BlockSeen.Publish(ctx, conn, ev) })
}

// Warned publishes a warning that there was not before.
func (f *Feed) Warned(text string) {
	f.send(func(ctx context.Context, conn *bus.Conn) error {
		return msg.Warned.Publish(ctx, conn, msg.WarnedEvent{Text: text})
	})
}

// TellPeer tells something to the session of a worker's peer.
func (f *Feed) TellPeer(worker string, ev p2p.PeerEvent) {
	f.send(func(ctx context.Context, conn *bus.Conn) error {
		return msg.PeerTold.PublishTo(ctx, conn, worker+".", ev)
	})
}
