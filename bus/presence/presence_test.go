package presence_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/presence"
)

// told collects what a Watch tells.
type told struct {
	t     *testing.T
	watch *presence.Watch
	bus   *bustest.Bus
	own   *bus.Conn
	held  []string
	said  []string
}

func watch(t *testing.T, cfg broker.Config, watched ...rights.Role) *told {
	cfg.Table = bustest.Table()
	w := &told{t: t, bus: bustest.NewWith(t, cfg)}
	w.watch = presence.New(presence.Config{
		Roles: watched, Held: func() []string { return w.held },
		Up:    func(e msg.RegistryEntry) { w.said = append(w.said, "up "+e.Instance) },
		Gone:  func(e msg.RegistryEntry) { w.said = append(w.said, "gone "+e.Instance+" "+e.Role) },
		Fault: func(err error) { w.said = append(w.said, err.Error()) },
	})
	w.own, _ = w.bus.Conn(roles.Gateway, "gateway", bus.NewMux())
	return w
}

// news is what was told since the last time. What happened before is known: the
// broker has answered a question of the same link since.
func (w *told) news() []string {
	w.t.Helper()
	_, err := msg.Registry.Call(w.t.Context(), w.own, bus.None{})
	require.NoError(w.t, err)
	require.NoError(w.t, w.watch.Refresh(w.t.Context()))
	said := w.said
	w.said = nil
	return said
}

// end stops a part and waits until the broker has seen that.
func (w *told) end(stop func(), instance string) {
	w.t.Helper()
	stop()
	for gone := false; !gone; {
		registry, err := msg.Registry.Call(w.t.Context(), w.own, bus.None{})
		require.NoError(w.t, err)
		gone = true
		for _, e := range registry.Links {
			gone = gone && e.Instance != instance
		}
	}
	require.NoError(w.t, w.watch.Refresh(w.t.Context()))
}

func TestWhoComesAndGoesIsToldOnce(t *testing.T) {
	w := watch(t, broker.Config{}, roles.Worker, roles.Node)
	_, stopFirst := w.bus.Conn(roles.Worker, "worker.1", bus.NewMux())
	require.Empty(t, w.news(), "before Start")
	require.NoError(t, w.watch.Start(t.Context(), w.own))
	require.Equal(t, []string{"up worker.1"}, w.news())
	w.bus.Conn(roles.Node, "node", bus.NewMux())
	w.bus.Conn(roles.Peers, "peers", bus.NewMux())
	require.Equal(t, []string{"up node"}, w.news())
	w.end(stopFirst, "worker.1")
	require.Equal(t, []string{"gone worker.1 worker"}, w.news())
	w.bus.Conn(roles.Worker, "worker.1", bus.NewMux())
	require.Equal(t, []string{"up worker.1"}, w.news())
}

// TestWhatIsHeldForOneThatIsUnknown: it came and ended unseen.
func TestWhatIsHeldForOneThatIsUnknown(t *testing.T) {
	w := watch(t, broker.Config{}, roles.Worker)
	w.bus.Conn(roles.Worker, "worker.2", bus.NewMux())
	w.held = []string{"worker.1", "worker.2", "worker.1"}
	require.NoError(t, w.watch.Start(t.Context(), w.own))
	require.Equal(t, []string{"gone worker.1 ", "up worker.2"}, w.news())
}

// TestNothingIsMissedInAGap: one that ended in a gap is gone, one that came is
// here, and one that did both is gone and here.
func TestNothingIsMissedInAGap(t *testing.T) {
	w := watch(t, broker.Config{}, roles.Worker)
	require.NoError(t, w.watch.Start(t.Context(), w.own))
	stops := map[string]func(){}
	for _, name := range []string{"worker.1", "worker.2", "worker.3"} {
		_, stops[name] = w.bus.Conn(roles.Worker, name, bus.NewMux())
	}
	require.Len(t, w.news(), 3)

	// More events than a subscription holds, none of which is taken: those in
	// the middle of them are lost.
	flood := func() {
		for i := range 16_500 {
			_, stop := w.bus.Conn(roles.Worker, fmt.Sprintf("worker.flood.%d", i), bus.NewMux())
			stop()
		}
	}
	quiet := func(stop func(), instance string) {
		stop()
		require.Eventually(t, func() bool {
			for _, s := range w.bus.Broker.Stats() {
				if s.Instance == instance {
					return false
				}
			}
			return true
		}, patience, tick)
	}
	flood()
	quiet(stops["worker.1"], "worker.1")
	quiet(stops["worker.2"], "worker.2")
	w.bus.Conn(roles.Worker, "worker.2", bus.NewMux())
	w.bus.Conn(roles.Worker, "worker.4", bus.NewMux())
	require.Empty(t, w.said)
	require.NoError(t, w.watch.Refresh(t.Context()))
	w.bus.Conn(roles.Worker, "worker.after", bus.NewMux()) // its event tells of the gap
	got := w.news()
	require.Subset(t, got, []string{"gone worker.1 worker", "gone worker.2 worker", "up worker.2", "up worker.4"})
	require.NotContains(t, got, "gone worker.3 worker")
	count := map[string]int{}
	for _, line := range got {
		count[line]++
	}
	require.Equal(t, 1, count["gone worker.1 worker"])
	require.Equal(t, 1, count["gone worker.2 worker"])
}

// TestACallerWhoGivesUpDoesNotTakeTheGapAlong: the goroutine that follows the Watch would
// wait for the next event.
func TestACallerWhoGivesUpDoesNotTakeTheGapAlong(t *testing.T) {
	w := watch(t, broker.Config{}, roles.Worker)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.held = []string{"worker.1"}
	require.ErrorIs(t, w.watch.Start(ctx, w.own), bus.ErrCanceled, "not subscribed")
	require.NoError(t, w.watch.Start(t.Context(), w.own))
	require.Equal(t, []string{"gone worker.1 "}, w.said)
	w.said = nil
	presence.Lose(w.watch)
	require.NoError(t, w.watch.Refresh(ctx))
	require.Equal(t, []string{"gone worker.1 "}, w.said)
}

// How long a test waits for what has to happen, and how often it looks.
const (
	patience = 30 * time.Second
	tick     = time.Millisecond
)

// TestAWatchOnAListenerOfThePartsOwn: it tells what it has to tell in order with
// the part's other events, and makes up for what was lost with them.
func TestAWatchOnAListenerOfThePartsOwn(t *testing.T) {
	b := bustest.New(t)
	own, _ := b.Conn(roles.Worker, "worker.1", bus.NewMux())
	_, stop := b.Conn(roles.Node, "node", bus.NewMux())
	b.Conn(roles.Wallet, "wallet.1", bus.NewMux())
	tip := bus.Topic[bus.None]("node.tip")

	var said []string
	say := func(what string) { said = append(said, what) }
	l := bus.NewListener()
	tip.On(l, func(bus.None, bus.Meta) error { say("tip"); return nil })
	l.OnGap(func(uint64) error { say("gap"); return nil })
	watch := presence.New(presence.Config{
		Roles: []rights.Role{roles.Node},
		Up:    func(e msg.RegistryEntry) { say("up " + e.Instance) },
		Gone:  func(e msg.RegistryEntry) { say("gone " + e.Instance) },
	})
	sub, err := watch.Join(t.Context(), l, own)
	require.NoError(t, err)
	defer sub.Close()
	require.Equal(t, []string{"up node"}, said)

	// next waits for an event and handles it, or drops it.
	next := func(handled bool) (last bus.Event) {
		last, err = sub.Next(t.Context())
		require.NoError(t, err)
		if handled {
			require.NoError(t, l.Handle(last))
		}
		return last
	}
	// restart ends the node and starts another one, which tells of its tip. The
	// last event is not handled yet.
	restart := func(handled bool) (last bus.Event) {
		said = nil
		stop()
		next(handled)
		var node *bus.Conn
		node, stop = b.Conn(roles.Node, "node", bus.NewMux())
		next(handled)
		require.NoError(t, tip.Publish(t.Context(), node, bus.None{}))
		return next(false)
	}
	require.NoError(t, l.Handle(restart(true)))
	require.Equal(t, []string{"gone node", "up node", "tip"}, said)

	last := restart(false)
	last.Gap = 2
	require.NoError(t, l.Handle(last))
	require.Equal(t, []string{"gap", "gone node", "up node", "tip"}, said)

	said = nil
	last.Gap = 1
	require.NoError(t, l.Handle(last))
	require.Equal(t, []string{"gap", "up node", "tip"}, said, "it is the same node")
}
