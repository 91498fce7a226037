package p2pworker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/session"
)

// obey fetches orders and carries them out until ctx ends.
func (w *worker) obey(ctx context.Context) error {
	var ack uint64
	for ctx.Err() == nil {
		told := w.timesTold()
		reply, err := w.nextOrders(ctx, ack)
		switch {
		case errors.Is(err, bus.ErrOverloaded):
			// The manager is there, and knows us: others take up its time.
			if !clock.Sleep(ctx, lastPause) {
				return context.Cause(ctx)
			}
			continue
		case errors.Is(err, unknownWorker) || away(err):
			// Another manager numbers its orders by its own clock.
			ack = 0
			if err := w.register(ctx, told); err != nil {
				return err
			}
			continue
		case errors.Is(err, bus.ErrDeadline):
			continue
		case err != nil:
			return fmt.Errorf("fetching orders: %w", err)
		}
		for _, order := range reply.Orders {
			if order.Seq > ack {
				ack = order.Seq
				w.carryOut(ctx, order)
			}
		}
	}
	return context.Cause(ctx)
}

func (w *worker) nextOrders(ctx context.Context, ack uint64) (p2p.NextOrdersReply, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*msg.PollSeconds*time.Second)
	defer cancel()
	return msg.NextOrders.Call(ctx, w.conn, p2p.NextOrdersRequest{Ack: ack})
}

func (w *worker) carryOut(ctx context.Context, o p2p.WorkerOrder) {
	switch {
	case o.Dial != nil:
		w.dial(ctx, *o.Dial)
	case o.Disconnect != nil:
		w.tell(o.Disconnect.Peer, session.Kick{Code: o.Disconnect.Code, Reason: o.Disconnect.Reason})
	case o.Report != nil:
		w.group.Go(func() error { return w.report(ctx, o.Report.ID) })
	case o.Relay != nil:
		w.tell(o.Relay.Peer, session.RelayAddresses{Addresses: o.Relay.Addresses})
	case o.Send != nil:
		w.tell(o.Send.Peer, session.SendRaw{Type: o.Send.Type, Payload: o.Send.Payload})
	case o.Ping != nil:
		for _, p := range w.allPeers() {
			p.mail.put(session.PingNow{})
		}
	case o.Meter != nil:
		w.tell(o.Meter.Peer, o.Meter.Meter)
	case o.Leave != nil:
		w.leave(o.Leave.AfterLast)
	}
}

func (w *worker) tell(id int64, in session.Input) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p := w.peers[id]; p != nil {
		p.mail.put(in)
		return
	}
	w.admissions.hold(id, in)
}
