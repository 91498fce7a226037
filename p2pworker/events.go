package p2pworker

import (
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/presence"
	"github.com/bulkheadnode/bulkhead/bus/rights"
	"github.com/bulkheadnode/bulkhead/p2pworker/session"
)

// listener passes the node's announcements on to all sessions. An event that
// was lost may have been any: the tip is asked for.
func (w *worker) listener(ctx context.Context) *bus.Listener {
	l := bus.NewListener()
	l.OnGap(func(uint64) error { w.refreshTip(ctx); return nil })
	l.OnFault(func(topic string, err error) { w.log("", fmt.Sprintf("dropped an event: %s: %v", topic, err)) })
	msg.TipChanged.On(l, func(e p2p.TipChangedEvent, _ bus.Meta) error {
		if !validHeaders(e.Attached) {
			return errors.New("headers of the wrong size")
		}
		w.setTip(e.Tip, session.TipChanged{Headers: e.Attached})
		return nil
	})
	msg.BlockSeen.On(l, func(e p2p.BlockSeenEvent, _ bus.Meta) error {
		if len(e.Attached) != 1 || !validHeaders(e.Attached) {
			return errors.New("not the header of a block")
		}
		w.broadcast(session.BlockSeen{Header: e.Attached[0]})
		return nil
	})
	msg.TxsAnnounced.On(l, func(e p2p.TxsAnnouncedEvent, _ bus.Meta) error {
		w.broadcast(e)
		return nil
	})
	msg.PeerTold.OnTo(l, w.env.Name+".", func(e p2p.PeerEvent, _ bus.Meta) error {
		if p := w.peer(e.Peer); p != nil {
			p.mail.put(e)
		}
		return nil
	})
	return l
}

// watchNode has all sessions start over when a node has ended and another one
// is there.
func (w *worker) watchNode(ctx context.Context) *presence.Watch {
	gone := false
	return presence.New(presence.Config{
		Roles: []rights.Role{roles.Node},
		Gone:  func(msg.RegistryEntry) { gone = true },
		Up: func(msg.RegistryEntry) {
			if gone {
				gone = false
				w.refreshTip(ctx)
				w.broadcast(session.NodeRestarted{})
			}
		},
	})
}

func validHeaders(headers [][]byte) bool {
	for _, h := range headers {
		if len(h) != wire.MaxBlockHeaderPayload {
			return false
		}
	}
	return true
}

func (w *worker) askTip(ctx context.Context) (p2p.Tip, error) {
	return persist(ctx, func(ctx context.Context) (p2p.Tip, error) {
		return msg.GetTip.Call(ctx, w.conn, bus.None{})
	})
}

// learnTip asks the node for its tip, unless an event tells it before: the
// answer may be older than the event.
func (w *worker) learnTip(ctx context.Context) {
	tip, err := w.askTip(ctx)
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.tipKnown {
		w.changeTip(tip, session.TipChanged{})
	}
}

// refreshTip asks the node for its tip, for when an event may have been
// missed. Events wait meanwhile.
func (w *worker) refreshTip(ctx context.Context) {
	if tip, err := w.askTip(ctx); err == nil {
		w.setTip(tip, session.TipChanged{})
	}
}

func (w *worker) setTip(tip p2p.Tip, change session.TipChanged) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changeTip(tip, change)
}

// changeTip notes the tip and tells all sessions. The mutex is held: a session
// that is added has heard of this tip, or hears of it.
func (w *worker) changeTip(tip p2p.Tip, change session.TipChanged) {
	change.Tip = tip
	w.tip, w.tipKnown = tip, true
	for _, p := range w.peers {
		p.mail.put(change)
	}
}

func (w *worker) broadcast(in session.Input) {
	for _, p := range w.allPeers() {
		p.mail.put(in)
	}
}
