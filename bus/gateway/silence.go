package gateway

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// What makes a call be given up. How long it takes is no reason: rescans, long
// polls and the mining of many blocks take their time. Its compartment's
// silence is: one that works, however hard, answers the broker's pings, which
// come every 10 s.
const (
	silentAfter = 20 * time.Second
	// looksEvery is how often that is looked at while calls wait, or while a
	// compartment is known to be silent.
	looksEvery = 2 * time.Second
)

// SilentError ends a call to a compartment that does not answer.
type SilentError struct {
	Instance string
	For      time.Duration
}

func (e *SilentError) Error() string {
	return fmt.Sprintf("%s has not answered for %d s", e.Instance, int(e.For.Seconds()))
}

// silence gives up the calls to compartments that do not answer.
type silence struct {
	mu     sync.Mutex
	calls  map[*openCall]struct{}
	silent map[string]time.Duration // what is known to be silent, by instance
}

// openCall is one that waits for its answer.
type openCall struct {
	instance string
	giveUp   context.CancelCauseFunc
}

func newSilence() *silence {
	return &silence{calls: map[*openCall]struct{}{}, silent: map[string]time.Duration{}}
}

// begin returns the context for a call: it ends with a *SilentError when the
// instance proves silent, which may be at once. over is to be called when the
// call is over.
func (s *silence) begin(ctx context.Context, instance string) (limited context.Context, over func()) {
	limited, giveUp := context.WithCancelCause(ctx)
	call := &openCall{instance, giveUp}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[call] = struct{}{}
	if d, known := s.silent[instance]; known {
		giveUp(&SilentError{instance, d})
	}
	return limited, func() {
		giveUp(nil)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.calls, call)
	}
}

// needed reports whether it matters who is silent.
func (s *silence) needed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls) > 0 || len(s.silent) > 0
}

// learn takes in what the broker knows of the links.
func (s *silence) learn(links []msg.LinkStats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.silent)
	for _, l := range links {
		if d := time.Duration(l.SilentMillis) * time.Millisecond; d >= silentAfter {
			s.silent[l.Instance] = d
		}
	}
	for call := range s.calls {
		if d, known := s.silent[call.instance]; known {
			call.giveUp(&SilentError{call.instance, d})
		}
	}
}

// watch looks at the links until ctx ends.
func (s *silence) watch(ctx context.Context, conn *bus.Conn) error {
	for clock.Sleep(ctx, looksEvery) {
		if !s.needed() {
			continue
		}
		// Without an answer nothing is known that was not known before.
		if stats, err := msg.BusStats.Call(ctx, conn, bus.None{}); err == nil {
			s.learn(stats.Links)
		}
	}
	return context.Cause(ctx)
}
