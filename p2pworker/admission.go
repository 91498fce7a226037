package p2pworker

import (
	"context"
	"errors"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/session"
)

// admissionPatience bounds how long a new connection waits for the manager.
const admissionPatience = 30 * time.Second

// admission is the manager's word on one connection, under way until close.
type admission struct {
	w     *worker
	reply p2p.OpenPeerReply
	// told is how often the worker had told managers of its connections when
	// this one was asked.
	told int
}

// admissions are those under way. The manager's orders for a connection can be
// there before the answer that admits it: who bans an address within that instant
// must not find the connection alive ever after.
type admissions struct {
	underWay int
	early    map[int64][]session.Input
	held     int // orders that early was given since it was empty
}

// maxEarly bounds the early orders. Few come in the moment that an answer takes, but
// a manager that was taken over could send any number.
const maxEarly = p2p.MaxPeers

// hold keeps an order for a connection that is not there, in case it is about to.
func (a *admissions) hold(id int64, in session.Input) {
	if a.underWay == 0 || a.held >= maxEarly {
		return
	}
	if a.early == nil {
		a.early = map[int64][]session.Input{}
	}
	a.early[id] = append(a.early[id], in)
	a.held++
}

// forget drops what is kept.
func (a *admissions) forget() { a.early, a.held = nil, 0 }

// take returns what was ordered for a connection before it was there.
func (a *admissions) take(id int64) []session.Input {
	held := a.early[id]
	delete(a.early, id)
	return held
}

// admit asks the manager whether a connection may live. The answer holds until
// close.
func (w *worker) admit(ctx context.Context, req p2p.OpenPeerRequest) (*admission, error) {
	ctx, cancel := context.WithTimeout(ctx, admissionPatience)
	defer cancel()
	a := &admission{w: w}
	w.mu.Lock()
	w.admissions.underWay++
	w.mu.Unlock()
	for {
		reply, err := persist(ctx, func(ctx context.Context) (p2p.OpenPeerReply, error) {
			a.told = w.timesTold()
			return msg.OpenPeer.Call(ctx, w.conn, req)
		})
		if errors.Is(err, unknownWorker) {
			err = w.register(ctx, a.told)
			if err == nil {
				continue
			}
		}
		if err != nil {
			a.close()
			return nil, err
		}
		a.reply = reply
		return a, nil
	}
}

// enter makes the connection one of the worker's, with what was ordered for it in
// the meantime. It reports false if another manager was told of the worker's
// connections meanwhile: it does not know of this one, and may give its number to
// another.
func (a *admission) enter(p *peer) bool {
	w := a.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.told != a.told {
		return false
	}
	w.place(p)
	for _, in := range w.admissions.take(p.id) {
		p.mail.put(in)
	}
	return true
}

// close ends the admission: orders for its connection find it, or are void.
func (a *admission) close() {
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	a.w.admissions.underWay--
	if a.w.admissions.underWay == 0 {
		a.w.admissions.forget()
	}
}

// register tells the manager of us, unless that was begun more often than the
// caller has seen.
func (w *worker) register(ctx context.Context, told int) error {
	// One at a time: a second one, with a list from before, would have the
	// manager forget what it has admitted since the first.
	select {
	case w.registering <- struct{}{}:
		defer func() { <-w.registering }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	req, wanted := w.registration(told)
	if !wanted {
		return nil
	}
	reply, err := persist(ctx, func(ctx context.Context) (p2p.RegisterWorkerReply, error) {
		return msg.RegisterWorker.Call(ctx, w.conn, req)
	})
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nonceKey = reply.NonceKey
	return nil
}

// registration lists the worker's connections, unless that was done more often than
// the caller has seen.
func (w *worker) registration(told int) (req p2p.RegisterWorkerRequest, wanted bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.told > told {
		return req, false
	}
	w.told++
	w.admissions.forget() // it is by numbers of the last manager
	req = p2p.RegisterWorkerRequest{Capacity: w.cfg.Capacity, NonceKey: w.nonceKey}
	for _, p := range w.peers {
		req.Open = append(req.Open, p.openInfo())
	}
	return req, true
}

func (w *worker) timesTold() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told
}

// unknownWorker is the error of a manager that does not know us.
var unknownWorker = &bus.Error{Kind: msg.KindUnknownWorker}
