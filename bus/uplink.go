package bus

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/internal/events"
	"github.com/bulkheadnode/bulkhead/bus/internal/slots"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// uplink is one link's life: from the hello to the end of the connection.
type uplink struct {
	conn     *Conn
	link     *link.Link
	ctx      context.Context // of the handlers
	cancel   context.CancelFunc
	begun    time.Time
	welcomed atomic.Bool
	drained  atomic.Bool
	spare    sync.Pool // waiters whose reply has been taken

	reading

	heard sync.Mutex // guards subs
	subs  map[uint64]*Subscription

	mu       sync.Mutex // guards the fields below, but those of serving that are atomic
	over     bool
	waiting  slots.Table[*waiter]
	expiring *time.Timer // looks for calls without a context's deadline; nil if there are none
	requests

	publisher publisher
	busy      atomic.Int64 // calls that wait and handlers that run
}

// reading is of the reader's goroutine.
type reading struct {
	names map[string]string // texts seen in headers
	incoming
	bodies events.Writer // of calls, replies and events
}

// requests are those that are served.
type requests struct {
	serving  map[uint64]*request
	intake   int // bytes of the requests in serving
	handlers sync.WaitGroup
	workers  sync.WaitGroup
	jobs     chan job // to idle workers
	idle     atomic.Int64
}

// drainedError ends a Conn that was drained.
type drainedError struct{}

func (*drainedError) Error() string { return "drained" }

func newUplink(ctx context.Context, c *Conn, nc net.Conn) (*uplink, error) {
	s := &uplink{
		conn: c, link: link.New(nc, false, c.cfg.Limits), begun: time.Now(),
		reading: reading{names: map[string]string{}}, subs: map[uint64]*Subscription{},
		requests: requests{serving: map[uint64]*request{}, jobs: make(chan job)},
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	e := newEncoder()
	defer e.free()
	err := e.encode(&codec.Header{Kind: codec.Hello}, &codec.Announcement{Offers: c.cfg.Mux.Offers(), Meta: c.cfg.Mux.meta})
	if err != nil {
		return nil, err
	}
	// It leaves when the handshake is done.
	_, err = s.link.Send(link.Ordinary, e.head, e.contents(), nil)
	return s, err
}

func (s *uplink) run() error {
	err := s.link.Run(s.ctx, s)
	s.handOver()
	s.bodies.Close()
	s.conn.leave(s)
	s.cancel()
	s.failAll()
	s.handlers.Wait()
	s.workers.Wait()
	if s.drained.Load() {
		return &drainedError{}
	}
	return err
}

// failAll answers every call that still waits.
func (s *uplink) failAll() {
	s.mu.Lock()
	s.over = true
	if s.expiring != nil {
		s.expiring.Stop()
	}
	var left []*waiter
	s.waiting.All(func(_ uint64, w **waiter) { left = append(left, *w) })
	s.waiting = slots.Table[*waiter]{}
	s.mu.Unlock()
	for _, w := range left {
		w.resolve(answer{err: ErrClosed})
	}
}

// Receive takes one message from the broker.
func (s *uplink) Receive(m *link.Message) {
	if s.same(m) {
		s.deliver(m)
		return
	}
	s.handOver()
	h, err := codec.DecodeHeader(m.Head())
	if err != nil || m.Len() < 2 {
		s.conn.cfg.Logger.Warn(fmt.Sprintf("bus: dropped a malformed message from the broker: %v", err))
		return
	}
	switch h.Kind {
	case codec.Event:
		s.announce(&h, m)
	case codec.Call:
		s.serve(&h, m)
	case codec.Reply:
		s.resolve(h.ID, m)
	case codec.Error:
		s.resolveError(&h)
	case codec.Item:
		s.deliverItem(h.ID, m)
	case codec.Credit:
		s.grant(h.ID, h.Credit)
	case codec.Cancel:
		s.cancelServing(h.ID)
	case codec.Welcome:
		s.welcome(string(h.To))
	default:
		s.conn.cfg.Logger.Warn(fmt.Sprintf("bus: dropped a message of unexpected kind %d", h.Kind))
	}
}

// Idle is called when all that arrived together has been taken.
func (s *uplink) Idle() { s.handOver() }

func (s *uplink) welcome(instance string) {
	if s.welcomed.Swap(true) {
		return
	}
	subs := s.conn.enter(s, instance)
	select {
	case <-s.conn.ready:
		for _, sub := range subs {
			s.restore(sub)
		}
	default:
		close(s.conn.ready)
	}
}

// maxNames bounds the texts that an uplink remembers.
const maxNames = 1024

// name returns a header's text as a string, the same one for the same text.
func (s *uplink) name(text []byte) string {
	if name, ok := s.names[string(text)]; ok {
		return name
	}
	if len(s.names) >= maxNames {
		clear(s.names)
	}
	name := string(text)
	s.names[name] = name
	return name
}

// send queues a message, waiting for room until ctx ends.
func (s *uplink) send(ctx context.Context, e *encoder) error {
	mine, err := s.link.Send(link.Ordinary, e.head, e.contents(), e.attached)
	if err == link.ErrFull {
		mine, err = s.link.SendWait(ctx, e.head, e.contents(), e.attached)
	}
	s.flush(mine)
	return sent(err)
}

// sendReserved queues a message that must not be lost to a full queue.
func (s *uplink) sendReserved(e *encoder) error {
	mine, err := s.link.Send(link.Reserved, e.head, e.contents(), e.attached)
	s.flush(mine)
	return sent(err)
}

// flush sees to the writing if it is ours. When much is going on, those who
// are about to send too go first, so that one system call serves all.
func (s *uplink) flush(mine bool) {
	if !mine {
		return
	}
	if s.busy.Load() > 1 {
		runtime.Gosched()
	}
	s.link.Flush()
}

// control sends a message without a body.
func (s *uplink) control(h *codec.Header) {
	e := newEncoder()
	defer e.free()
	if err := e.encode(h, &None{}); err == nil {
		// If even the reserve is full, the link is about to be closed.
		_ = s.sendReserved(e)
	}
}

func (s *uplink) drain(ctx context.Context) error {
	if _, err := s.exchange(ctx, &codec.Header{Kind: codec.Drain}, &None{}, nil); err != nil {
		return err
	}
	finished := make(chan struct{})
	s.workers.Go(func() { // run joins it, after the handlers
		s.handlers.Wait()
		close(finished)
	})
	select {
	case <-finished:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := s.link.Drain(ctx); err != nil {
		return sent(err)
	}
	s.drained.Store(true)
	s.link.Close()
	return nil
}
