package manager

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

const (
	// maxOrders bounds what waits for one worker. One that fetches nothing for
	// so long is stuck.
	maxOrders = 10_000
	// maxRelays is how many there may be for addresses to be passed on: what one
	// worker hands over does not make another count as stuck.
	maxRelays = maxOrders / 2
)

// orderQueue is what one worker has to do.
type orderQueue struct {
	orders []p2p.WorkerOrder
	wake   chan struct{} // closed and replaced when something was added
}

func newOrderQueue() *orderQueue { return &orderQueue{wake: make(chan struct{})} }

func (q *orderQueue) full() bool { return len(q.orders) >= maxOrders }

func (q *orderQueue) add(o p2p.WorkerOrder) {
	q.orders = append(q.orders, o)
	close(q.wake)
	q.wake = make(chan struct{})
}

// next returns the first orders, as many as one reply may hold.
func (q *orderQueue) next() []p2p.WorkerOrder {
	count, bytes := 0, 0
	for ; count < min(len(q.orders), p2p.MaxOrders); count++ {
		bytes += payload(q.orders[count])
		if bytes > p2p.MaxOrderBytes && count > 0 {
			break
		}
	}
	return slices.Clone(q.orders[:count])
}

// payload is what of an order counts against p2p.MaxOrderBytes: its bytes that come from
// elsewhere.
func payload(o p2p.WorkerOrder) (bytes int) {
	if o.Send != nil {
		bytes += len(o.Send.Payload)
	}
	if o.Relay != nil {
		for _, a := range o.Relay.Addresses {
			bytes += len(a.Host)
		}
	}
	return bytes
}

func (q *orderQueue) acknowledge(seq uint64) {
	for len(q.orders) > 0 && q.orders[0].Seq <= seq {
		q.orders = q.orders[1:]
	}
}

// retire tells those who wait for orders that there will be none: a worker that
// is back under its old name learns at once that it has to register.
func (q *orderQueue) retire() {
	close(q.wake)
	q.wake = make(chan struct{})
}

// order numbers something to do and queues it for a worker. It returns false if
// the worker is not registered, or not any more: one that is stuck counts as
// gone, so that its slots and dials are others'. Should it fetch orders after
// all, it has to register, with the connections that it has. The mutex is held.
func (m *manager) order(worker string, o p2p.WorkerOrder) bool {
	q := m.queues[worker]
	if q == nil {
		return false
	}
	if q.full() {
		m.env.Logger.Warn(fmt.Sprintf("%s has not fetched its last %d orders: it counts as gone", worker, maxOrders))
		m.lose(worker)
		return false
	}
	m.lastOrder++
	o.Seq = m.lastOrder
	q.add(o)
	return true
}

// dispatch queues what the roster decided, with the way by which what is to be dialled
// is reached. The mutex is held.
func (m *manager) dispatch(orders []roster.Order) {
	for _, o := range orders {
		if o.Dial != nil {
			dial := *o.Dial
			dial.Proxies = m.wayTo(dial)
			o.Dial = &dial
		}
		if m.order(o.Worker, o.WorkerOrder) && o.Dial != nil {
			m.noteAttempt(o.Dial.Target)
			m.expectI2P(o.Dial.Target)
		}
	}
}

// showDial serves ShowDial. What a worker has is told to who carries it out, and not to
// other workers: to whom we connect is nobody's business.
func (m *manager) showDial(ctx context.Context, req p2p.ShowDialRequest) (p2p.DialOrder, error) {
	if caller := bus.CallerFrom(ctx); caller.Role != string(roles.Dialler) {
		return p2p.DialOrder{}, bus.Errorf(bus.KindDenied, "%s is no dialler", caller.Instance)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	order, ok := m.roster.DialOrder(req.Worker, req.Dial)
	if !ok {
		return p2p.DialOrder{}, bus.Errorf(msg.KindUnknownDial, "%s has no dial %d", req.Worker, req.Dial)
	}
	order.Proxies = m.wayTo(order)
	return order, nil
}

// nextOrders serves NextOrders.
func (m registrar) nextOrders(ctx context.Context, req p2p.NextOrdersRequest) (p2p.NextOrdersReply, error) {
	name := bus.CallerFrom(ctx).Instance
	timer := time.NewTimer(msg.PollSeconds * time.Second)
	defer timer.Stop()
	for {
		m.mu.Lock()
		q := m.queues[name]
		if q == nil {
			m.mu.Unlock()
			return p2p.NextOrdersReply{}, bus.Errorf(msg.KindUnknownWorker, "%s has not registered", name)
		}
		q.acknowledge(req.Ack)
		orders, wake := q.next(), q.wake
		m.mu.Unlock()
		if len(orders) > 0 {
			return p2p.NextOrdersReply{Orders: orders}, nil
		}
		select {
		case <-wake:
		case <-timer.C:
			return p2p.NextOrdersReply{}, nil
		case <-ctx.Done():
			return p2p.NextOrdersReply{}, context.Cause(ctx)
		}
	}
}

// workerGone forgets a worker whose link has ended.
func (m *manager) workerGone(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.there, name)
	m.reunion.back(name)
	m.lose(name)
}

// lose forgets a worker. The mutex is held.
func (m *manager) lose(name string) {
	q := m.queues[name]
	if q == nil {
		return
	}
	delete(m.queues, name)
	q.retire()
	lost, orders := m.roster.RemoveWorker(time.Now(), name)
	m.mourn(lost)
	m.finishReports(name)
	m.dispatch(orders)
	m.changed()
}

// mourn notes the end of connections of which no worker tells. The mutex is held.
func (m *manager) mourn(lost []roster.Peer) {
	m.bereave(lost)
	m.lostWith(lost)
	for _, p := range lost {
		m.forget(p.ID)
	}
}
