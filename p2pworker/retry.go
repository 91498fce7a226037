package p2pworker

import (
	"context"
	"errors"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
)

// Pauses between repetitions of a call whose service is away.
const (
	firstPause = 20 * time.Millisecond
	lastPause  = time.Second
)

// away reports whether an error means that the service was not there, or had
// no room: the call may be repeated.
func away(err error) bool {
	return errors.Is(err, bus.ErrNoService) || errors.Is(err, bus.ErrGone) || errors.Is(err, bus.ErrOverloaded)
}

// persist repeats call while its service is away, until ctx ends.
func persist[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	pause := firstPause
	for {
		reply, err := call(ctx)
		if err == nil || !away(err) {
			return reply, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return reply, err
		}
		pause = min(2*pause, lastPause)
	}
}
