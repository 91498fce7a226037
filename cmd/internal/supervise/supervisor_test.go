package supervise

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/cmd/internal/logging"
)

// rig is a supervisor whose compartments run in this process: everything but
// the fork is what it is in a node.
type rig struct {
	t    *testing.T
	s    *Supervisor
	stop func() // ends Run and joins it

	mu     sync.Mutex
	log    bytes.Buffer
	starts map[string][]time.Time
}

func (r *rig) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(p)
}

func (r *rig) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// startsOf returns when a compartment was started, since the first time.
func (r *rig) startsOf(instance string) (after []time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, at := range r.starts[instance] {
		after = append(after, at.Sub(r.starts[instance][0]))
	}
	return after
}

// newRig runs a supervisor whose workers do what run says.
func newRig(t *testing.T, run Part) *rig {
	r := &rig{t: t, starts: map[string][]time.Time{}}
	counted := func(ctx context.Context, env part.Env, settings json.RawMessage) error {
		r.mu.Lock()
		r.starts[env.Name] = append(r.starts[env.Name], time.Now())
		r.mu.Unlock()
		return run(ctx, env, settings)
	}
	parts := map[rights.Role]Part{}
	for _, role := range []rights.Role{roles.Node, roles.Peers, roles.Worker, roles.Wallet} {
		parts[role] = counted
	}
	b := broker.New(broker.Config{Table: bustest.Table(), Up: func(id broker.Identity) { r.s.Attached(id.Instance) }})
	r.s = New(Config{
		Log:       logging.NewLive(logging.Config{}),
		InProcess: true, Parts: parts, Broker: b, Clock: clock.New(0),
		Logger: slog.New(slog.NewTextHandler(r, nil)),
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.s.Run(ctx)
	}()
	r.stop = func() {
		cancel()
		<-ended
	}
	return r
}

// served is a part that is on the bus until it is told to end.
func served(ctx context.Context, env part.Env, _ json.RawMessage) error {
	return env.Serve(ctx, bus.NewMux(), nil, func(ctx context.Context, _ *bus.Conn) error {
		<-ctx.Done()
		return ctx.Err()
	})
}

var errCrash = errors.New("crash")

// crashes is a part that fails as soon as it is on the bus.
func crashes(ctx context.Context, env part.Env, _ json.RawMessage) error {
	return env.Serve(ctx, bus.NewMux(), nil, func(context.Context, *bus.Conn) error { return errCrash })
}

// fails is a part that never gets so far.
func fails(context.Context, part.Env, json.RawMessage) error { return errCrash }

func worker(policy Policy) Spec {
	return Spec{Role: roles.Worker, Instance: "worker.1", Policy: policy}
}

func TestStartAndStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, served)
		defer r.stop()
		require.NoError(t, r.s.StartAndWait(t.Context(), worker(Forever)))
		require.EqualError(t, r.s.Start(worker(Forever)), "worker.1 is running already")
		require.NoError(t, r.s.StartAndWait(t.Context(), Spec{Role: roles.Node, Instance: "node", Policy: Vital}))
		list := r.s.Status()
		require.Len(t, list, 2)
		require.Equal(t, "node", list[0].Instance)
		require.Equal(t, 1, r.s.Count(roles.Worker))

		r.s.Stop(func(c Status) bool { return c.Role == roles.Worker })
		require.Len(t, r.s.Status(), 1)
		require.NoError(t, r.s.StartAndWait(t.Context(), worker(Forever)), "the name is free")
		r.s.Stop(func(Status) bool { return true })
		require.Empty(t, r.s.Status())
		select {
		case <-r.s.Done():
			require.Fail(t, "a vital compartment that was stopped ends nothing")
		default:
		}
		require.NotContains(t, r.logged(), "did not end in order")
	})
}

// TestACrashLoopBacksOff: the first new start comes at once, the others after
// pauses that double up to a bound.
func TestACrashLoopBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, crashes)
		defer r.stop()
		require.NoError(t, r.s.Start(worker(Forever)))
		pass(t, time.Minute)
		synctest.Wait()
		starts := r.startsOf("worker.1")
		require.Zero(t, starts[1], "a single death costs nothing")
		require.Equal(t, firstPause, starts[2]-starts[1])
		for i := 3; i < len(starts); i++ {
			want := min(2*(starts[i-1]-starts[i-2]), maxPause)
			require.Equal(t, want, starts[i]-starts[i-1])
		}
		require.Equal(t, maxPause, starts[len(starts)-1]-starts[len(starts)-2])
		require.Equal(t, len(starts)-1, r.s.Status()[0].Restarts)
		require.Contains(t, r.logged(), "crash; starting it again")
	})
}

// TestASteadyRunIsForgiven: one that has run for a while is started at once
// again, however often it failed before.
func TestASteadyRunIsForgiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(ctx context.Context, env part.Env, settings json.RawMessage) error {
			return env.Serve(ctx, bus.NewMux(), nil, func(ctx context.Context, _ *bus.Conn) error {
				if !clock.Sleep(ctx, steady+time.Second) {
					return ctx.Err()
				}
				return errCrash
			})
		})
		defer r.stop()
		require.NoError(t, r.s.Start(worker(Forever)))
		pass(t, 5*(steady+2*time.Second))
		starts := r.startsOf("worker.1")
		require.Greater(t, len(starts), 3)
		for i := 1; i < len(starts); i++ {
			require.Equal(t, steady+time.Second, starts[i]-starts[i-1])
		}
	})
}

// TestHowEndsAreTaken: by policy, and by whether it was ever on the bus.
func TestHowEndsAreTaken(t *testing.T) {
	for name, tc := range map[string]struct {
		policy Policy
		run    Part
		final  error  // what the whole ends with
		log    string // if it goes on
		gone   bool   // it is not started again
	}{
		"a worker that fails at its start":   {policy: Forever, run: fails, final: &StartError{Instance: "worker.1", Cause: errCrash}},
		"a vital one that fails at start":    {policy: Vital, run: fails, final: &StartError{Instance: "worker.1", Cause: errCrash}},
		"a vital one that crashes":           {policy: Vital, run: crashes, log: "starting it again"},
		"a vital one that is beyond help":    {policy: Vital, run: final, final: &FinalError{}},
		"a guest that fails at its start":    {policy: Guest, run: fails, log: "did not start: crash", gone: true},
		"a guest that crashes":               {policy: Guest, run: crashes, log: "starting it again"},
		"one that others replace, and fails": {policy: Once, run: crashes, log: "failed: crash", gone: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, tc.run)
				defer r.stop()
				require.NoError(t, r.s.Start(worker(tc.policy)))
				pass(t, time.Second)
				synctest.Wait()
				select {
				case <-r.s.Done():
					require.IsType(t, tc.final, r.s.Why())
					require.ErrorIs(t, r.s.Why(), errCrash)
				default:
					require.NoError(t, tc.final)
					require.Contains(t, r.logged(), tc.log)
				}
				require.Equal(t, tc.gone || tc.final != nil, len(r.s.Status()) == 0)
			})
		})
	}
}

func final(ctx context.Context, env part.Env, _ json.RawMessage) error {
	return env.Serve(ctx, bus.NewMux(), nil, func(context.Context, *bus.Conn) error { return part.Final(errCrash) })
}

// TestAVitalEndInOrderEndsTheWhole, as that of a node that has reached the
// height to stop at.
func TestAVitalEndInOrderEndsTheWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(ctx context.Context, env part.Env, _ json.RawMessage) error {
			return env.Serve(ctx, bus.NewMux(), nil, func(context.Context, *bus.Conn) error { return nil })
		})
		defer r.stop()
		require.NoError(t, r.s.Start(worker(Vital)))
		<-r.s.Done()
		require.NoError(t, r.s.Why())
	})
}

// TestAHopelessVitalCompartmentEndsTheWhole: one that worked once and does not
// reach the bus any more.
func TestAHopelessVitalCompartmentEndsTheWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var once sync.Once
		r := newRig(t, func(ctx context.Context, env part.Env, settings json.RawMessage) error {
			first := false
			once.Do(func() { first = true })
			if first {
				return crashes(ctx, env, settings)
			}
			return errCrash
		})
		defer r.stop()
		require.NoError(t, r.s.Start(worker(Vital)))
		<-r.s.Done()
		var fatal *FatalError
		require.ErrorAs(t, r.s.Why(), &fatal)
		require.Contains(t, fatal.Error(), "worker.1 fails again and again: crash")
		require.Len(t, r.startsOf("worker.1"), hopeless)
	})
}

// TestNothingIsStartedAgainAfterEnd: neither what dies, nor anything new.
func TestNothingIsStartedAgainAfterEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		die := make(chan struct{})
		r := newRig(t, func(ctx context.Context, env part.Env, _ json.RawMessage) error {
			return env.Serve(ctx, bus.NewMux(), nil, func(context.Context, *bus.Conn) error { <-die; return errCrash })
		})
		defer r.stop()
		require.NoError(t, r.s.StartAndWait(t.Context(), worker(Forever)))
		r.s.End()
		close(die)
		synctest.Wait()
		require.Empty(t, r.s.Status())
		require.Len(t, r.startsOf("worker.1"), 1)
		require.EqualError(t, r.s.Start(Spec{Role: roles.Worker, Instance: "worker.2"}), "shutting down")
	})
}

// TestAnImpatientStop: one that does not end is told so in the log, after its
// own patience or less.
func TestAnImpatientStop(t *testing.T) {
	for limit, want := range map[time.Duration]time.Duration{0: defaultPatience, 2 * time.Second: 2 * time.Second, time.Hour: defaultPatience} {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			r := newRig(t, func(ctx context.Context, env part.Env, _ json.RawMessage) error {
				return env.Serve(context.WithoutCancel(ctx), bus.NewMux(), nil, func(context.Context, *bus.Conn) error { <-release; return nil })
			})
			defer r.stop()
			require.NoError(t, r.s.StartAndWait(t.Context(), worker(Forever)))
			began := time.Now()
			stopped := make(chan struct{})
			go func() {
				defer close(stopped)
				r.s.StopWithin(limit, func(Status) bool { return true })
			}()
			pass(t, want-time.Millisecond)
			require.NotContains(t, r.logged(), "killing it")
			pass(t, 2*time.Millisecond)
			require.Contains(t, r.logged(), fmt.Sprintf("worker.1 did not stop within %s: killing it", want))
			require.Less(t, time.Since(began), want+time.Second)
			close(release) // nothing in this process can be killed
			<-stopped
		})
	}
}

// TestStartAndWaitTellsWhy: what failed, and for whom nobody waits any more.
func TestStartAndWaitTellsWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, fails)
		defer r.stop()
		err := r.s.StartAndWait(t.Context(), worker(Guest))
		var start *StartError
		require.ErrorAs(t, err, &start)
		require.EqualError(t, err, "worker.1 did not start: crash")
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(ctx context.Context, _ part.Env, _ json.RawMessage) error { <-ctx.Done(); return nil })
		defer r.stop()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, r.s.StartAndWait(ctx, worker(Guest)), context.DeadlineExceeded)
	})
}

// TestAThousandStart: each is counted and described, and all end.
func TestAThousandStart(t *testing.T) {
	r := newRig(t, served)
	defer r.stop()
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() {
			if err := r.s.StartAndWait(t.Context(), Spec{Role: roles.Worker, Instance: fmt.Sprintf("worker.%d", i)}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.Equal(t, 1000, r.s.Count(roles.Worker))
	r.s.Stop(func(Status) bool { return true })
	require.Zero(t, r.s.Count(roles.Worker))
}

// TestSettingsOfTheSecondStart: what was to be done once is not done again.
func TestSettingsOfTheSecondStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan string, 8)
		r := newRig(t, func(ctx context.Context, env part.Env, settings json.RawMessage) error {
			got <- string(settings)
			if strings.Contains(string(settings), "first") {
				return crashes(ctx, env, settings)
			}
			return served(ctx, env, settings)
		})
		defer r.stop()
		spec := worker(Forever)
		spec.Settings, spec.Again = "first", "again"
		require.NoError(t, r.s.Start(spec))
		require.Equal(t, `"first"`, <-got)
		require.Equal(t, `"again"`, <-got)

		spec.Instance, spec.Again = "worker.2", func() any { return "made anew" }
		require.NoError(t, r.s.Start(spec))
		require.Equal(t, `"first"`, <-got)
		require.Equal(t, `"made anew"`, <-got)
	})
}

// TestSignals: a process is told to reopen the log when it can handle that, and
// one that is to end is let go on first.
func TestSignals(t *testing.T) {
	var sent []string
	c := &compartment{wake: make(chan struct{}), up: make(chan struct{})}
	c.began(7, func(sig os.Signal) { sent = append(sent, sig.String()) })
	c.reopenLog()
	require.Empty(t, sent, "it might die of it")
	c.arrived()
	require.Equal(t, []string{"hangup"}, sent)
	c.reopenLog()
	c.resume()
	c.stop(syscall.SIGTERM)
	require.Equal(t, []string{"hangup", "hangup", "continued", "terminated", "continued"}, sent)
	require.True(t, c.isStopping())
	c.began(8, func(sig os.Signal) { sent = append(sent, "late "+sig.String()) })
	require.Equal(t, "late terminated", sent[len(sent)-1], "it was told to end while it was started")
}

// pass lets a time of the test's bubble pass.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	require.True(t, clock.Sleep(t.Context(), d))
}
