package bus

import (
	"errors"
	"fmt"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// serve starts the handler of a call.
func (s *session) serve(h *codec.View, m *link.Message) {
	handle, ok := s.conn.cfg.Mux.handlers[string(h.To)]
	if !ok {
		s.refuse(h.ID, &Error{Kind: KindNoService, Text: "not offered here"})
		return
	}
	r := &request{
		session: s, id: h.ID, trace: h.Trace,
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
	s.mu.Lock()
	if len(s.serving) >= s.conn.cfg.Handlers {
		s.mu.Unlock()
		s.refuse(h.ID, &Error{Kind: KindOverloaded, Text: "too many calls in progress"})
		return
	}
	s.serving[h.ID] = r
	s.handlers.Add(1)
	s.mu.Unlock()
	s.busy.Add(1)
	body, attached := contents(m)
	go s.handle(r, handle, body, attached)
}

// handle runs a handler and sends what it returns.
func (s *session) handle(r *request, handle handler, body []byte, attached [][]byte) {
	defer s.handlers.Done()
	rep, err := handle(r, body, attached)
	s.mu.Lock()
	delete(s.serving, r.id)
	s.mu.Unlock()
	s.busy.Add(-1)
	r.finish()
	e := newEncoder()
	defer e.free()
	s.answer(e, r.id, rep, err)
}

func (s *session) cancelServing(id uint64) {
	s.mu.Lock()
	r := s.serving[id]
	s.mu.Unlock()
	if r != nil {
		r.cancel(errCanceled)
	}
}

func (s *session) refuse(id uint64, e *Error) {
	encoder := newEncoder()
	defer encoder.free()
	s.answer(encoder, id, nil, e)
}

// answer sends a reply, or the error that took its place.
func (s *session) answer(e *encoder, id uint64, rep any, failed error) {
	err := failed
	if err == nil {
		err = e.encode(&codec.Header{Kind: codec.Reply, ID: id}, rep)
	}
	if err == nil {
		err = s.sendReserved(e)
		if err == nil || errors.Is(err, ErrClosed) {
			return // whoever waits is told by the broker
		}
	}
	why := asError(err)
	err = e.encode(&codec.Header{Kind: codec.Error, ID: id, Fault: string(why.Kind), Text: clip(why.Text)}, &None{})
	if err == nil {
		err = s.sendReserved(e)
	}
	if err != nil && !errors.Is(err, ErrClosed) {
		s.conn.cfg.Logger.Warn(fmt.Sprintf("bus: lost a reply: %v", err))
	}
}

// clip keeps an error text within what a header may hold.
func clip(text string) string {
	const limit = codec.MaxHeader / 2
	return text[:min(len(text), limit)]
}
