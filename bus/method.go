package bus

import (
	"context"

	"github.com/bulkheadnode/bulkhead/bus/codec"
)

// Method is the name of a method with its request and reply types.
type Method[Req, Rep any] string

// Name returns the method's name on the bus.
func (m Method[Req, Rep]) Name() string { return string(m) }

// Call asks any instance that offers the method.
func (m Method[Req, Rep]) Call(ctx context.Context, conn *Conn, req Req) (Rep, error) {
	return m.CallAt(ctx, conn, "", req)
}

// CallAt asks the instance of the given name.
func (m Method[Req, Rep]) CallAt(ctx context.Context, conn *Conn, instance string, req Req) (Rep, error) {
	var rep Rep
	header := codec.Header{Kind: codec.Call, To: string(m), Target: instance}
	answer, err := conn.call(ctx, &header, &req)
	if err != nil {
		return rep, err
	}
	err = answer.decode(&rep)
	return rep, named(err, string(m))
}

// Handle serves the method with fn. Calls run concurrently, each in a
// goroutine that Conn.Run joins; ctx ends with the caller's patience.
func (m Method[Req, Rep]) Handle(mux *Mux, fn func(context.Context, Req) (Rep, error)) {
	mux.handle(string(m), func(ctx context.Context, c content) (any, error) {
		var req Req
		if err := c.decode(&req); err != nil {
			return nil, err
		}
		rep, err := fn(ctx, req)
		return &rep, err
	})
}

// named adds the method to an error that does not tell it.
func named(err error, method string) error {
	if e, ok := err.(*Error); ok && e.Method == "" {
		withMethod := *e
		withMethod.Method = method
		return &withMethod
	}
	return err
}
