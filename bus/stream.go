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

// DefaultWindow is how many items of a stream may be under way if its caller
// does not say.
const DefaultWindow = 64

// Stream is the name of a method that answers with any number of items, with
// its request and item types.
type Stream[Req, Item any] string

// Name returns the stream's name on the bus.
func (s Stream[Req, Item]) Name() string { return string(s) }

// Open asks any instance that offers the stream. At most window items (or
// DefaultWindow) are under way or unread at a time: a reader that stops
// reading stops the server. If ctx has a deadline, it is the whole stream's.
func (s Stream[Req, Item]) Open(ctx context.Context, conn *Conn, req Req, window int) (*Items[Item], error) {
	return s.OpenAt(ctx, conn, "", req, window)
}

// OpenAt asks the instance of the given name.
func (s Stream[Req, Item]) OpenAt(ctx context.Context, conn *Conn, instance string, req Req, window int) (*Items[Item], error) {
	if window <= 0 {
		window = DefaultWindow
	}
	header := codec.Header{Kind: codec.Call, To: string(s), Target: instance, Credit: uint64(window)}
	in, err := conn.open(ctx, &header, &req, window)
	if err != nil {
		return nil, err
	}
	return &Items[Item]{in: in}, nil
}

// Handle serves the stream with fn, which sends items with send until there
// are no more, and returns; its error ends the stream for the caller. send
// waits until the caller has room, and fails when it has given up. Only one
// goroutine at a time may call it.
func (s Stream[Req, Item]) Handle(mux *Mux, fn func(ctx context.Context, req Req, send func(Item) error) error) {
	mux.handle(string(s), func(ctx context.Context, body []byte, attached [][]byte) (any, error) {
		r, _ := ctx.(*request)
		if r == nil || r.outflow == nil {
			return nil, &Error{Kind: KindBadMessage, Text: "a stream has to be opened with credit"}
		}
		var req Req
		if err := decode(body, attached, &req); err != nil {
			return nil, err
		}
		return &None{}, fn(ctx, req, func(item Item) error { return r.send(&item) })
	})
}

// Items is the receiving end of a stream. One goroutine at a time may use it.
type Items[Item any] struct{ in *inflow }

// Next returns the next item. It fails with io.EOF after the last one, with
// the server's error, or with ctx's.
func (i *Items[Item]) Next(ctx context.Context) (Item, error) {
	var item Item
	a, err := i.in.next(ctx)
	if err != nil {
		return item, err
	}
	err = decode(a.body, a.attached, &item)
	return item, named(err, i.in.method)
}

// Close gives the stream up, which cancels its server's context. It may be
// called at any time, also after the end.
func (i *Items[Item]) Close() { i.in.close() }

// inflow is the queue of a stream's items, bounded by its window.
type inflow struct {
	session *session
	id      uint64 // set before anything is sent
	method  string
	window  int
	stop    func() bool // stops listening to the context of Open; set by it

	mu     sync.Mutex
	queue  []answer
	bytes  int // of queue
	spent  int // items taken since credit was last given
	end    error
	wake   chan struct{} // capacity 1
	closed bool
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
	in := &inflow{session: s, method: h.To, window: window, wake: make(chan struct{}, 1)}
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
	if in.session.abandon(in.id) {
		in.session.control(&codec.Header{Kind: codec.Cancel, ID: in.id})
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
		in.session.control(&codec.Header{Kind: codec.Credit, ID: in.id, Credit: uint64(credit)})
	}
	return a, true, nil
}

func (in *inflow) close() {
	in.stop()
	in.abandon(&Error{Kind: KindCanceled, Method: in.method, Text: "the stream was closed"})
}

func (s *session) deliverItem(id uint64, m *link.Message) {
	s.mu.Lock()
	w := s.waiting.Get(id)
	var in *inflow
	if w != nil {
		in = (*w).stream
	}
	s.mu.Unlock()
	if in != nil {
		var a answer
		a.body, a.attached = s.bodies.contents(m)
		in.push(a)
	}
}

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

func (s *session) grant(id, credit uint64) {
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
	return r.session.send(r, e)
}
