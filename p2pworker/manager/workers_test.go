package manager

import (
	"log/slog"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/part"
)

// TestAWorkerWhoseEndWasMissedLosesItsSlots: of two that registered, one ends
// and no event tells of it.
func TestAWorkerWhoseEndWasMissedLosesItsSlots(t *testing.T) {
	m, err := newManager(part.Env{Logger: slog.New(slog.DiscardHandler), Clock: clock.New(0)}, Config{DataDir: t.TempDir()}.withDefaults())
	require.NoError(t, err)
	b := bustest.New(t)
	m.conn, _ = b.Conn(roles.Peers, "peers", m.mux())
	stops := map[string]func(){}
	for _, name := range []string{"worker.1", "worker.2"} {
		conn, stop := b.Conn(roles.Worker, name, bus.NewMux())
		stops[name] = stop
		_, err := msg.RegisterWorker.Call(t.Context(), conn, p2p.RegisterWorkerRequest{Capacity: 1})
		require.NoError(t, err)
	}
	require.ElementsMatch(t, []string{"worker.1", "worker.2"}, m.registered())
	stops["worker.1"]()
	require.Eventually(t, func() bool { return len(b.Broker.Stats()) == 2 }, 30*time.Second, time.Millisecond)

	require.NoError(t, m.watch.Start(t.Context(), m.conn))
	require.Equal(t, []string{"worker.2"}, m.registered())
	require.Equal(t, 1, m.roster.FreeWorkers())
}

// TestARegistrationThatComesTooLateIsNotKept: the link has ended, and nobody
// would tell of that again.
func TestARegistrationThatComesTooLateIsNotKept(t *testing.T) {
	for _, watching := range []bool{false, true} {
		s := newShip(t, Config{})
		if watching {
			require.NoError(t, s.watch.Start(t.Context(), s.conn))
		}
		w := s.worker("worker.1", 1)
		require.Equal(t, []string{"worker.1"}, s.registered())
		w.stop()
		require.Eventually(t, func() bool { return len(s.bus.Broker.Stats()) == 1 }, 30*time.Second, time.Millisecond)
		s.workerGone("worker.1")
		_, err := registrar{s.manager}.registerAs(t.Context(), "worker.1", p2p.RegisterWorkerRequest{Capacity: 1})
		require.ErrorIs(t, err, &bus.Error{Kind: msg.KindUnknownWorker})
		require.Empty(t, s.registered())
		require.Zero(t, s.roster.FreeWorkers())
	}
}

// TestAWorkerOfWhichTheWatchHasToldIsNotAskedFor: what its end leaves is given
// back by the watch.
func TestAWorkerOfWhichTheWatchHasToldIsNotAskedFor(t *testing.T) {
	s := newShip(t, Config{})
	require.NoError(t, s.watch.Start(t.Context(), s.conn))
	w := s.worker("worker.1", 1)
	require.True(t, s.there["worker.1"])
	w.stop()
	require.Eventually(t, func() bool {
		require.NoError(t, s.watch.Refresh(t.Context()))
		return len(s.registered()) == 0
	}, 30*time.Second, time.Millisecond)
	require.Empty(t, s.there)
}
