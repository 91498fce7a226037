package bus

import (
	"context"

	"github.com/bulkheadnode/bulkhead/bus/codec"
)

// DefaultWindow is how many items of a stream may be under way if its caller
// does not say.
const DefaultWindow = 64

// MaxWindow is the largest window. A window full of items has to fit into what
// a link may queue in messages, or the link is closed for it.
const MaxWindow = 1 << 12

// Stream is the name of a method that answers with any number of items, with
// its request and item types.
type Stream[Req, Item any] string

// Name returns the stream's name on the bus.
func (s Stream[Req, Item]) Name() string { return string(s) }

// Open asks any instance that offers the stream. At most window items (or
// DefaultWindow, or MaxWindow) are under way or unread at a time: a reader
// that stops reading stops the server. Window times the size of an item must
// fit into what a link may queue. ctx is the whole stream's: when it ends or
// its deadline passes, so does the stream.
func (s Stream[Req, Item]) Open(ctx context.Context, conn *Conn, req Req, window int) (*Items[Item], error) {
	return s.OpenAt(ctx, conn, "", req, window)
}

// OpenAt asks the instance of the given name.
func (s Stream[Req, Item]) OpenAt(ctx context.Context, conn *Conn, instance string, req Req, window int) (*Items[Item], error) {
	if window <= 0 {
		window = DefaultWindow
	}
	window = min(window, MaxWindow)
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
	mux.handle(string(s), func(ctx context.Context, c content) (any, error) {
		r, _ := ctx.(*request)
		if r == nil || r.outflow == nil {
			return nil, &Error{Kind: KindBadMessage, Text: "a stream has to be opened with credit"}
		}
		var req Req
		if err := c.decode(&req); err != nil {
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
	err = a.decode(&item)
	return item, named(err, i.in.method)
}

// Close gives the stream up, which cancels its server's context, and drops the
// items that were not read. It may be called at any time, also after the end.
func (i *Items[Item]) Close() { i.in.close() }
