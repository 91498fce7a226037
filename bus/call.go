package bus

import (
	"context"
	"errors"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/internal/slots"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// answer is a reply or an error to a call.
type answer struct {
	content
	err error
}

// waiter is a call in flight.
type waiter struct {
	reply   chan answer // capacity 1
	expires time.Time   // zero if a context sees to it
	stream  *inflow     // nil but for a stream
}

func (w *waiter) resolve(a answer) {
	if w.stream != nil {
		w.stream.finish(a)
		return
	}
	w.reply <- a
}

// call sends a request and waits for its answer.
func (c *Conn) call(ctx context.Context, h *codec.Header, req any) (answer, error) {
	s, err := c.current(ctx)
	if err != nil {
		return answer{}, failure(ctx, h, err)
	}
	h.Trace = TraceFrom(ctx)
	return s.exchange(ctx, h, req, nil)
}

// exchange sends a message that the other side answers under an id that it is
// given here; entered, if not nil, is told the id before anything is sent.
func (s *uplink) exchange(ctx context.Context, h *codec.Header, body any, entered func(id uint64)) (answer, error) {
	w, _ := s.spare.Get().(*waiter)
	if w == nil {
		w = &waiter{reply: make(chan answer, 1)}
	}
	deadline, has := ctx.Deadline()
	w.expires = time.Time{}
	if !has {
		deadline = time.Now().Add(DefaultDeadline)
		w.expires = deadline
	}
	h.Deadline = deadline.UnixMicro()
	e := newEncoder()
	defer e.free()
	err := s.begin(ctx, w, h, body, e, entered)
	if err != nil {
		return answer{}, failure(ctx, h, err)
	}
	select {
	case a := <-w.reply:
		s.spare.Put(w)
		return a, named(a.err, h.To)
	case <-ctx.Done():
		if s.abandon(h.ID) {
			s.control(&codec.Header{Kind: codec.Cancel, ID: h.ID})
		}
		return answer{}, failure(ctx, h, ctx.Err())
	}
}

// begin enters a call and sends it.
func (s *uplink) begin(ctx context.Context, w *waiter, h *codec.Header, body any, e *encoder, entered func(uint64)) error {
	var err error
	if h.ID, err = s.wait(w); err != nil {
		return err
	}
	if entered != nil {
		entered(h.ID)
	}
	if err = e.encode(h, body); err == nil {
		err = s.send(ctx, e)
	}
	if err != nil {
		s.abandon(h.ID)
	}
	return err
}

// wait enters a call that is about to be made and gives it its id.
func (s *uplink) wait(w *waiter) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return 0, ErrClosed
	}
	limit := s.conn.cfg.Calls
	if limit == 0 {
		limit = slots.Max
	}
	id, ok := s.waiting.Put(w, limit)
	if !ok {
		return 0, &Error{Kind: KindOverloaded, Text: "too many calls in flight"}
	}
	s.busy.Add(1)
	if !w.expires.IsZero() && s.expiring == nil {
		s.expiring = time.AfterFunc(time.Until(w.expires), s.expire)
	}
	return id, nil
}

// abandon gives a call up and reports whether it was still waiting.
func (s *uplink) abandon(id uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.waiting.Take(id)
	if ok {
		s.busy.Add(-1)
	}
	return ok
}

// expire fails the calls that have waited for DefaultDeadline, and sees to
// the next.
func (s *uplink) expire() {
	now := time.Now()
	var late []*waiter
	var ids []uint64
	var next time.Time
	s.mu.Lock()
	s.waiting.All(func(id uint64, w **waiter) {
		switch expires := (*w).expires; {
		case expires.IsZero():
		case !expires.After(now):
			late, ids = append(late, *w), append(ids, id)
		case next.IsZero() || expires.Before(next):
			next = expires
		}
	})
	for _, id := range ids {
		s.waiting.Take(id)
		s.busy.Add(-1)
	}
	s.expiring = nil
	if !next.IsZero() && !s.over {
		s.expiring = time.AfterFunc(time.Until(next), s.expire)
	}
	s.mu.Unlock()
	for i, w := range late {
		s.control(&codec.Header{Kind: codec.Cancel, ID: ids[i]})
		w.resolve(answer{err: &Error{Kind: KindDeadline, Text: "no reply in time"}})
	}
}

func (s *uplink) take(id uint64) *waiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.waiting.Take(id)
	if !ok {
		return nil
	}
	s.busy.Add(-1)
	return w
}

func (s *uplink) resolve(id uint64, m *link.Message) {
	if w := s.take(id); w != nil {
		w.resolve(answer{content: s.contents(m)})
	}
}

func (s *uplink) resolveError(h *codec.View) {
	if w := s.take(h.ID); w != nil {
		w.resolve(answer{err: &Error{Kind: Kind(h.Fault), Text: string(h.Text)}})
	}
}

// failure gives a context's error its kind.
func failure(ctx context.Context, h *codec.Header, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &Error{Kind: KindDeadline, Method: h.To, Text: "no reply in time"}
	case ctx.Err() != nil:
		return &Error{Kind: KindCanceled, Method: h.To, Text: context.Cause(ctx).Error()}
	}
	return named(err, h.To)
}
