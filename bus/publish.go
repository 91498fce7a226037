package bus

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// rapid is how soon after another an event leaves the writing to the writer,
// which then writes several at once.
const rapid = 100 * time.Microsecond

// maxPermits bounds the topics that an uplink remembers it may publish.
const maxPermits = 1024

// publisher is what an uplink knows of the events it sends.
type publisher struct {
	written atomic.Int64 // when one was written last, since the uplink began

	mu      sync.Mutex
	permits map[string]struct{} // topics that the broker has let pass
}

func (p *publisher) may(topic string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, may := p.permits[topic]
	return may
}

func (p *publisher) permit(topic string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.permits == nil || len(p.permits) >= maxPermits {
		p.permits = map[string]struct{}{}
	}
	p.permits[topic] = struct{}{}
}

// publish sends an event. The first of a topic has an id, which the broker
// answers.
func (s *uplink) publish(ctx context.Context, h *codec.Header, event any) error {
	if !s.publisher.may(h.To) {
		_, err := s.exchange(ctx, h, event, nil)
		if err == nil {
			s.publisher.permit(h.To)
		}
		return err
	}
	e := newEncoder()
	defer e.free()
	if err := e.encode(h, event); err != nil {
		return err
	}
	mine, err := s.link.Send(link.Ordinary, e.head, e.contents(), e.attached)
	if err == link.ErrFull {
		mine, err = s.link.SendWait(ctx, e.head, e.contents(), e.attached)
	}
	if mine {
		s.flushEvents()
	}
	return sent(err)
}

// flushEvents writes at once, unless events follow each other so fast that
// several can share a system call.
func (s *uplink) flushEvents() {
	now := int64(time.Since(s.begun))
	if now-s.publisher.written.Swap(now) < int64(rapid) {
		s.link.FlushLater()
	} else {
		s.link.Flush()
	}
}
