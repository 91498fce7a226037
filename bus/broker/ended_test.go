package broker_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// TestLinksThatEndedAreForgotten: twenty thousand come and go, as they do when
// each connection of a peer has its process, and the broker has the memory that
// it had after the first thousand.
func TestLinksThatEndedAreForgotten(t *testing.T) {
	b := bustest.New(t)
	// One that is there all the time and has nothing to say after the first
	// link has come, and one that hears of all of them.
	node, _ := b.Conn(roles.Node, "node", bus.NewMux())
	peers, _ := b.Conn(roles.Peers, "peers", bus.NewMux())
	sub, err := peers.Subscribe(t.Context(), "bus.link.gone.worker")
	require.NoError(t, err)
	before := func() {}
	// Each is there before the one before it ends.
	one := func(i int) {
		mux := bus.NewMux()
		bus.Method[bus.None, bus.None]("rpc.setmocktime").Handle(mux, func(context.Context, bus.None) (bus.None, error) { return bus.None{}, nil })
		conn, stop := b.Conn(roles.Worker, fmt.Sprintf("worker.%d", i), mux)
		_, err := conn.Subscribe(t.Context(), "node.tip")
		require.NoError(t, err)
		if i == 0 {
			_, err = msg.Registry.Call(t.Context(), node, bus.None{})
			require.NoError(t, err)
		}
		before()
		for ended := i == 0; !ended; {
			ev, err := sub.Next(t.Context())
			require.NoError(t, err)
			_, err = msg.LinkGone.Decode(ev)
			require.NoError(t, err)
			ended = true
		}
		before = stop
	}
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for i := range 1000 {
		one(i)
	}
	used := heap()
	for i := range 19_000 {
		one(1000 + i)
	}
	grown := int64(heap()) - int64(used)
	t.Logf("%d bytes more, %d a link", grown, grown/19_000)
	require.Less(t, grown, int64(4<<20))
	_ = node
	runtime.KeepAlive(b)
}
