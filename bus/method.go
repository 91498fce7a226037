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
	err := conn.invoke(ctx, string(m), instance, &req, &rep)
	return rep, err
}

// Invoke is Method.Call for those who learn only at run time which method it
// is. req and rep are pointers to the request and to where the reply goes.
func Invoke(ctx context.Context, conn *Conn, method string, req, rep any) error {
	return conn.invoke(ctx, method, "", req, rep)
}

func (c *Conn) invoke(ctx context.Context, method, instance string, req, rep any) error {
	header := codec.Header{Kind: codec.Call, To: method, Target: instance}
	answer, err := c.call(ctx, &header, req)
	if err != nil {
		return err
	}
	return named(answer.decode(rep), method)
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
