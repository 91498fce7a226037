package bus

import (
	"context"
	"io"
	"sync"

	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// maxUnread bounds the bytes of a stream's items that wait to be read. A
// window of large items should be small.
const maxUnread = 128 << 20

// inflow is the queue of a stream's items, bounded by its window.
type inflow struct {
	uplink *uplink
	id     uint64 // set before anything is sent
	method string
	window int
	stop   func() bool // stops listening to the context of Open; set by it

	mu    sync.Mutex
	queue []answer
	bytes int // of queue
	spent int // items taken since credit was last given
	end   error
	wake  chan struct{} // capacity 1
}

func (c *Conn) open(ctx context.Context, h *codec.Header, req any, window int) (*inflow, error) {
	s, err := c.current(ctx)
	if err != nil {
		return nil, failure(ctx, h, err)
	}
	h.Trace = TraceFrom(ctx)
	if deadline, has := ctx.Deadline(); has {
		h.Deadline = deadline.UnixMicro()
	}
	in := &inflow{uplink: s, method: h.To, window: window, wake: make(chan struct{}, 1)}
	e := newEncoder()
	defer e.free()
	entered := func(id uint64) { in.id = id }
	if err := s.begin(ctx, &waiter{stream: in}, h, req, e, entered); err != nil {
		return nil, failure(ctx, h, err)
	}
	in.stop = context.AfterFunc(ctx, func() {
		in.abandon(failure(ctx, h, ctx.Err()))
	})
	return in, nil
}

// push adds an item. More than were allowed end the stream.
func (in *inflow) push(a answer) {
	in.mu.Lock()
	tooMany := len(in.queue) >= in.window
	tooMuch := in.bytes > 0 && in.bytes+a.size() > maxUnread
	if !tooMany && !tooMuch && in.end == nil {
		in.queue = append(in.queue, a)
		in.bytes += a.size()
	}
	in.mu.Unlock()
	switch {
	case tooMany:
		in.abandon(&Error{Kind: KindBadMessage, Method: in.method, Text: "more items than the window allows"})
	case tooMuch:
		in.abandon(&Error{Kind: KindOverloaded, Method: in.method, Text: "the items that wait to be read are too large"})
	default:
		in.signal()
	}
}

// finish ends the stream with the server's reply.
func (in *inflow) finish(a answer) {
	end := named(a.err, in.method)
	if end == nil {
		end = io.EOF
	}
	in.mu.Lock()
	if in.end == nil {
		in.end = end
	}
	in.mu.Unlock()
	in.signal()
}

// abandon ends the stream from this side.
func (in *inflow) abandon(why error) {
	in.finish(answer{err: why})
	if in.uplink.abandon(in.id) {
		in.uplink.control(&codec.Header{Kind: codec.Cancel, ID: in.id})
	}
}

func (in *inflow) signal() {
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

func (in *inflow) next(ctx context.Context) (answer, error) {
	for {
		a, ok, end := in.pop()
		if ok {
			return a, nil
		}
		if end != nil {
			return answer{}, end
		}
		select {
		case <-in.wake:
		case <-ctx.Done():
			return answer{}, context.Cause(ctx)
		}
	}
}

// pop takes an item, and gives new credit when half the window is used up.
func (in *inflow) pop() (a answer, ok bool, end error) {
	in.mu.Lock()
	if len(in.queue) == 0 {
		defer in.mu.Unlock()
		return answer{}, false, in.end
	}
	a = in.queue[0]
	in.queue[0] = answer{}
	in.queue = in.queue[1:]
	in.bytes -= a.size()
	in.spent++
	credit := 0
	if in.end == nil && in.spent >= (in.window+1)/2 {
		credit, in.spent = in.spent, 0
	}
	in.mu.Unlock()
	if credit > 0 {
		in.uplink.control(&codec.Header{Kind: codec.Credit, ID: in.id, Credit: uint64(credit)})
	}
	return a, true, nil
}

// close ends the stream for its reader. What arrives from now on finds the end
// set, or is freed with in.
func (in *inflow) close() {
	in.stop()
	in.mu.Lock()
	in.queue, in.bytes = nil, 0
	in.mu.Unlock()
	in.abandon(&Error{Kind: KindCanceled, Method: in.method, Text: "the stream was closed"})
}

func (s *uplink) deliverItem(id uint64, m *link.Message) {
	s.mu.Lock()
	w := s.waiting.Get(id)
	var in *inflow
	if w != nil {
		in = (*w).stream
	}
	s.mu.Unlock()
	if in != nil {
		in.push(answer{content: s.contents(m)})
	}
}
