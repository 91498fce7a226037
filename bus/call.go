package bus

import (
	"context"
	"errors"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/codec"
)

// call sends a request and waits for its answer.
func (c *Conn) call(ctx context.Context, h *codec.Header, req any) (answer, error) {
	c.mu.Lock()
	c.nextID++
	h.ID = c.nextID
	c.mu.Unlock()
	h.Trace = TraceFrom(ctx)
	return c.exchange(ctx, h, req)
}

// exchange sends a message that the other side answers under h.ID.
func (c *Conn) exchange(ctx context.Context, h *codec.Header, body any) (answer, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, DefaultDeadline)
		defer cancel()
	}
	deadline, _ := ctx.Deadline()
	h.Deadline = deadline.UnixMicro()
	msg, err := encode(h, body)
	if err != nil {
		return answer{}, err
	}
	wait := make(chan answer, 1)
	c.mu.Lock()
	c.waiting[h.ID] = wait
	c.mu.Unlock()
	defer c.abandon(h.ID)
	if err := c.send(ctx, msg); err != nil {
		return answer{}, c.failure(ctx, h, err)
	}
	select {
	case a := <-wait:
		return a, named(a.err, h.To)
	case <-c.ended:
		return answer{}, named(ErrClosed, h.To)
	case <-ctx.Done():
		c.sendCancel(h)
		return answer{}, c.failure(ctx, h, ctx.Err())
	}
}

func (c *Conn) abandon(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

// failure gives a context's error its kind.
func (c *Conn) failure(ctx context.Context, h *codec.Header, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &Error{Kind: KindDeadline, Method: h.To, Text: "no reply in time"}
	case ctx.Err() != nil:
		return &Error{Kind: KindCanceled, Method: h.To, Text: context.Cause(ctx).Error()}
	}
	return named(err, h.To)
}

func (c *Conn) sendCancel(h *codec.Header) {
	msg, err := encode(&codec.Header{Kind: codec.Cancel, ID: h.ID}, &None{})
	if err == nil {
		// If even this finds no room, the handler's deadline ends it.
		_ = c.link.SendReserved(msg)
	}
}

func (c *Conn) resolve(id uint64, a answer) {
	c.mu.Lock()
	wait := c.waiting[id]
	delete(c.waiting, id)
	c.mu.Unlock()
	if wait != nil {
		wait <- a
	}
}

// serve starts the handler of a call.
func (c *Conn) serve(ctx context.Context, h codec.Header, body []byte, attached [][]byte) {
	handle, ok := c.cfg.Mux.handlers[h.To]
	if !ok {
		c.reply(&h, nil, &Error{Kind: KindNoService, Text: "not offered here"})
		return
	}
	c.mu.Lock()
	if len(c.serving) >= c.cfg.Handlers {
		c.mu.Unlock()
		c.reply(&h, nil, &Error{Kind: KindOverloaded, Text: "too many calls in progress"})
		return
	}
	ctx = context.WithValue(ctx, callerKey{}, Caller{Role: h.Role, Instance: h.From})
	if h.Trace != 0 {
		ctx = WithTrace(ctx, h.Trace)
	}
	ctx, cancel := context.WithDeadline(ctx, time.UnixMicro(h.Deadline))
	c.serving[h.ID] = cancel
	c.mu.Unlock()
	c.handlers.Go(func() {
		rep, err := handle(ctx, body, attached)
		c.cancelServing(h.ID)
		c.reply(&h, rep, err)
	})
}

func (c *Conn) cancelServing(id uint64) {
	c.mu.Lock()
	cancel := c.serving[id]
	delete(c.serving, id)
	c.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

func (c *Conn) reply(call *codec.Header, rep any, err error) {
	h := codec.Header{Kind: codec.Reply, ID: call.ID, Trace: call.Trace}
	if err != nil {
		e := asError(err)
		h.Kind, h.Fault, h.Text = codec.Error, string(e.Kind), clip(e.Text)
		rep = &None{}
	}
	msg, err := encode(&h, rep)
	if err != nil {
		h.Kind, h.Fault, h.Text = codec.Error, string(KindInternal), clip(err.Error())
		if msg, err = encode(&h, &None{}); err != nil {
			c.cfg.Logger.Error("bus: cannot encode an error", "err", err)
			return
		}
	}
	if err := c.link.SendReserved(msg); err != nil {
		c.cfg.Logger.Warn("bus: lost a reply", "method", call.To, "err", err)
	}
}

// clip keeps an error text within what a header may hold.
func clip(text string) string {
	const limit = codec.MaxHeader / 2
	if len(text) > limit {
		return text[:limit]
	}
	return text
}
