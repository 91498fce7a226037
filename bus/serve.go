package bus

import (
	"errors"
	"fmt"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// serve starts the handler of a call.
func (s *uplink) serve(h *codec.View, m *link.Message) {
	handle, ok := s.conn.cfg.Mux.handlers[string(h.To)]
	if !ok {
		s.refuse(h.ID, &Error{Kind: KindNoService, Text: "not offered here"})
		return
	}
	r := &request{
		uplink: s, id: h.ID, trace: h.Trace,
		caller: Caller{Role: s.name(h.Role), Instance: s.name(h.From)},
	}
	switch {
	case h.Deadline != 0:
		r.deadline = time.UnixMicro(h.Deadline)
	case h.Credit == 0:
		r.deadline = time.Now().Add(DefaultDeadline)
	}
	if h.Credit > 0 {
		r.outflow = newOutflow(h.Credit)
	}
	r.size = m.Size()
	s.mu.Lock()
	if len(s.serving) >= s.conn.cfg.Handlers || len(s.serving) > 0 && s.intake+r.size > s.conn.cfg.Intake {
		s.mu.Unlock()
		s.refuse(h.ID, &Error{Kind: KindOverloaded, Text: "too many calls in progress"})
		return
	}
	s.serving[h.ID] = r
	s.intake += r.size
	s.handlers.Add(1)
	s.mu.Unlock()
	s.busy.Add(1)
	j := job{request: r, handle: handle, content: s.contents(m)}
	select {
	case s.jobs <- j:
	default:
		s.workers.Go(func() { s.work(j) })
	}
}

// maxIdle is how many goroutines wait for the next call. They are kept because
// their stacks have grown to what handlers need.
const maxIdle = 64

// job is a call to handle.
type job struct {
	request *request
	handle  handler
	content content
}

// work handles a call, and then those that come while it is idle.
func (s *uplink) work(j job) {
	for {
		s.handle(j)
		if s.idle.Add(1) > maxIdle {
			s.idle.Add(-1)
			return
		}
		select {
		case j = <-s.jobs:
			s.idle.Add(-1)
		case <-s.ctx.Done():
			return
		}
	}
}

// handle runs a handler and sends what it returns.
func (s *uplink) handle(j job) {
	// A test's handler may end its goroutine by FailNow.
	defer s.handlers.Done()
	r := j.request
	rep, err := j.handle(r, j.content)
	s.mu.Lock()
	delete(s.serving, r.id)
	s.intake -= r.size
	s.mu.Unlock()
	s.busy.Add(-1)
	r.finish()
	e := newEncoder()
	defer e.free()
	s.answer(e, r.id, rep, err)
}

func (s *uplink) cancelServing(id uint64) {
	s.mu.Lock()
	r := s.serving[id]
	s.mu.Unlock()
	if r != nil {
		r.cancel(errCanceled)
	}
}

func (s *uplink) refuse(id uint64, e *Error) {
	encoder := newEncoder()
	defer encoder.free()
	s.answer(encoder, id, nil, e)
}

// answer sends a reply, or the error that took its place.
func (s *uplink) answer(e *encoder, id uint64, rep any, failed error) {
	err := failed
	if err == nil {
		err = e.encode(&codec.Header{Kind: codec.Reply, ID: id}, rep)
	}
	if err == nil {
		err = s.sendReserved(e)
		if err == nil || errors.Is(err, ErrClosed) {
			return // the broker tells the caller
		}
	}
	why := asError(err)
	err = e.encode(&codec.Header{Kind: codec.Error, ID: id, Fault: string(why.Kind), Text: codec.ErrorText(why.Text)}, &None{})
	if err == nil {
		err = s.sendReserved(e)
	}
	if err != nil && !errors.Is(err, ErrClosed) {
		s.conn.cfg.Logger.Warn(fmt.Sprintf("bus: lost a reply: %v", err))
	}
}
