package bus

import (
	"context"
	"sync"
	"time"
)

// errCanceled ends a handler whose caller no longer waits.
var errCanceled = context.Canceled

// request is the context of one handler. It starts nothing until somebody
// asks for more than its values: most handlers never look at Done.
type request struct {
	uplink   *uplink
	id       uint64
	size     int // bytes of the call
	caller   Caller
	trace    uint64
	deadline time.Time // zero for none
	outflow  *outflow  // nil but for a stream

	mu    sync.Mutex
	done  chan struct{}
	err   error
	timer *time.Timer
	stop  func() bool // stops listening to the uplink's end
	after map[*func()]struct{}
}

// Deadline is the caller's.
func (r *request) Deadline() (time.Time, bool) { return r.deadline, !r.deadline.IsZero() }

// Value returns the caller and the trace id, and what the context of
// Conn.Run holds.
func (r *request) Value(key any) any {
	switch key.(type) {
	case callerKey:
		return r.caller
	case traceKey:
		return r.trace
	}
	return r.uplink.ctx.Value(key)
}

// Done is closed when the caller gives up or is gone, its deadline passes,
// the link ends or the handler has returned.
func (r *request) Done() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done == nil {
		r.done = make(chan struct{})
		if r.err != nil {
			close(r.done)
		}
		r.watch()
	}
	return r.done
}

// watch arranges for the request to be cancelled in time. r.mu is held.
func (r *request) watch() {
	if r.stop != nil || r.err != nil {
		return
	}
	r.stop = context.AfterFunc(r.uplink.ctx, func() { r.cancel(context.Canceled) })
	if !r.deadline.IsZero() {
		r.timer = time.AfterFunc(time.Until(r.deadline), func() { r.cancel(context.DeadlineExceeded) })
	}
}

// Err tells why the request is over, nil if it is not.
func (r *request) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.err != nil:
		return r.err
	case r.uplink.ctx.Err() != nil:
		return context.Canceled
	case !r.deadline.IsZero() && !time.Now().Before(r.deadline):
		return context.DeadlineExceeded
	}
	return nil
}

// AfterFunc lets package context derive contexts without a goroutine each.
func (r *request) AfterFunc(f func()) (stop func() bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		go f()
		return func() bool { return false }
	}
	r.watch()
	if r.after == nil {
		r.after = map[*func()]struct{}{}
	}
	key := &f
	r.after[key] = struct{}{}
	return func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		_, waits := r.after[key]
		delete(r.after, key)
		return waits
	}
}

// cancel ends the request for a reason.
func (r *request) cancel(why error) {
	r.mu.Lock()
	if r.err != nil {
		r.mu.Unlock()
		return
	}
	r.err = why
	if r.done != nil {
		close(r.done)
	}
	after, timer, stop := r.after, r.timer, r.stop
	r.after = nil
	r.mu.Unlock()
	if timer != nil {
		timer.Stop()
	}
	if stop != nil {
		stop()
	}
	for f := range after {
		(*f)()
	}
}

// finish releases what is derived from the request once its handler has
// returned.
func (r *request) finish() { r.cancel(context.Canceled) }
