package p2pworker

import (
	"context"
	"fmt"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/p2pworker/session"
)

// nodeRole is the role of the link whose return restarts the sync.
const nodeRole = "node"

// follow passes the node's announcements on to all sessions.
func (w *worker) follow(ctx context.Context, events *bus.Subscription) error {
	w.group.Go(func() error { w.refreshTip(ctx); return nil })
	for {
		ev, err := events.Next(ctx)
		if err != nil {
			return err
		}
		if ev.Gap > 0 {
			w.refreshTip(ctx)
		}
		if err := w.heard(ctx, ev); err != nil {
			w.log("", fmt.Sprintf("dropped an event: %v", err))
		}
	}
}

func (w *worker) heard(ctx context.Context, ev bus.Event) error {
	switch {
	case msg.TipChanged.Matches(ev):
		e, err := msg.TipChanged.Decode(ev)
		if err != nil {
			return err
		}
		w.setTip(e.Tip, e.Attached)
	case msg.TxsAnnounced.Matches(ev):
		e, err := msg.TxsAnnounced.Decode(ev)
		if err != nil {
			return err
		}
		w.broadcast(session.TxsAnnounced{Txs: fromAnnouncements(e.Txs)})
	case msg.LinkUp.Matches(ev):
		e, err := msg.LinkUp.Decode(ev)
		if err != nil {
			return err
		}
		if e.Role == nodeRole && w.nodeGone {
			w.nodeGone = false
			w.refreshTip(ctx)
			w.broadcast(session.NodeRestarted{})
		}
	case msg.LinkGone.Matches(ev):
		e, err := msg.LinkGone.Decode(ev)
		if err != nil {
			return err
		}
		w.nodeGone = w.nodeGone || e.Role == nodeRole
	}
	return nil
}

// refreshTip asks the node for its tip, for when an event may have been missed.
func (w *worker) refreshTip(ctx context.Context) {
	tip, err := persist(ctx, func(ctx context.Context) (msg.Tip, error) {
		return msg.GetTip.Call(ctx, w.conn, bus.None{})
	})
	if err == nil {
		w.setTip(tip, nil)
	}
}

func (w *worker) setTip(tip msg.Tip, headers [][]byte) {
	for _, h := range headers {
		if len(h) != session.HeaderSize {
			return
		}
	}
	t := session.Tip{Height: tip.Height, Hash: tip.Hash, Initial: tip.Initial,
		Time: time.Unix(tip.Time, 0), HeaderHeight: tip.HeaderHeight, MinFeeRate: tip.MinFeeRate}
	w.mu.Lock()
	w.tip = t
	w.mu.Unlock()
	w.broadcast(session.TipChanged{Tip: t, Headers: headers})
}

func (w *worker) broadcast(in session.Input) {
	for _, p := range w.allPeers() {
		p.mail.put(in)
	}
}
