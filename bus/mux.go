package bus

import (
	"context"
	"fmt"
	"slices"
)

// None is the request or reply of a method that needs none.
type None struct{}

// handler serves one call: it decodes the request and returns a pointer to
// the reply.
type handler func(ctx context.Context, c content) (any, error)

// Mux holds what a part offers: its methods, and metadata about them under
// a name, such as the JSON-RPC table. Fill it before New.
type Mux struct {
	handlers map[string]handler
	meta     map[string][]byte
}

// NewMux returns an empty Mux.
func NewMux() *Mux {
	return &Mux{handlers: map[string]handler{}, meta: map[string][]byte{}}
}

// SetMeta announces data under name to everybody who reads the registry.
func (m *Mux) SetMeta(name string, data []byte) { m.meta[name] = data }

// Offers returns the names of the methods, sorted.
func (m *Mux) Offers() []string {
	names := make([]string, 0, len(m.handlers))
	for name := range m.handlers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (m *Mux) handle(name string, h handler) {
	if _, taken := m.handlers[name]; taken {
		panic(fmt.Sprintf("bus: two handlers for %s", name))
	}
	m.handlers[name] = h
}

// Caller is who made a call, as the broker authenticated it.
type Caller struct {
	Role     string
	Instance string
}

type callerKey struct{}
type traceKey struct{}

// CallerFrom returns the caller of the handler that ctx was given to.
func CallerFrom(ctx context.Context) Caller {
	caller, _ := ctx.Value(callerKey{}).(Caller)
	return caller
}

// WithTrace returns a context whose calls carry the trace id: the same id
// follows a request through all processes it causes calls between.
func WithTrace(ctx context.Context, id uint64) context.Context {
	return context.WithValue(ctx, traceKey{}, id)
}

// TraceFrom returns the trace id of ctx, zero if it has none.
func TraceFrom(ctx context.Context) uint64 {
	id, _ := ctx.Value(traceKey{}).(uint64)
	return id
}
