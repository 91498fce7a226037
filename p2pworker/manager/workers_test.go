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

	watch := m.watchWorkers()
	require.NoError(t, watch.Start(t.Context(), m.conn))
	require.Equal(t, []string{"worker.2"}, m.registered())
	require.Equal(t, 1, m.roster.FreeWorkers())
}
