package bus

import (
	"sync"

	"github.com/bulkheadnode/bulkhead/bus/codec"
)

// outflow is the credit that a stream's server has left.
type outflow struct {
	mu     sync.Mutex
	credit uint64
	more   chan struct{} // capacity 1
}

func newOutflow(credit uint64) *outflow {
	return &outflow{credit: credit, more: make(chan struct{}, 1)}
}

func (o *outflow) take() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.credit == 0 {
		return false
	}
	o.credit--
	return true
}

func (o *outflow) add(credit uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.credit += credit
	select {
	case o.more <- struct{}{}:
	default:
	}
}

func (s *uplink) grant(id, credit uint64) {
	s.mu.Lock()
	r := s.serving[id]
	s.mu.Unlock()
	if r != nil && r.outflow != nil {
		r.outflow.add(credit)
	}
}

// send sends one item of the stream that the request opened.
func (r *request) send(item any) error {
	for !r.outflow.take() {
		select {
		case <-r.outflow.more:
		case <-r.Done():
			return r.Err()
		}
	}
	if err := r.Err(); err != nil {
		return err
	}
	e := newEncoder()
	defer e.free()
	if err := e.encode(&codec.Header{Kind: codec.Item, ID: r.id}, item); err != nil {
		return err
	}
	return r.uplink.send(r, e)
}
