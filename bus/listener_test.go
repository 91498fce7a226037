package bus_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
)

type counted struct {
	N uint64 `cbor:"1,keyasint"`
}

func TestListener(t *testing.T) {
	b := bustest.New(t)
	node, _ := b.Conn(roles.Node, "node", bus.NewMux())
	worker, _ := b.Conn(roles.Worker, "worker.1", bus.NewMux())
	tip, txs, peer := bus.Topic[counted]("node.tip"), bus.Topic[counted]("node.txs"), bus.Topic[counted]("node.peer.")
	var heard []string
	note := func(what string) func(counted, bus.Meta) error {
		return func(e counted, m bus.Meta) error {
			heard = append(heard, fmt.Sprintf("%s %d %s %q", what, e.N, m.From, m.Suffix))
			return nil
		}
	}
	l := bus.NewListener()
	done := errors.New("done")
	tip.On(l, note("tip"))
	peer.OnTo(l, "worker.1.", note("peer"))
	txs.OnAll(l, func(e counted, m bus.Meta) error {
		if e.N == 0 {
			return done
		}
		return note("txs")(e, m)
	})
	sub, err := l.Subscribe(t.Context(), worker)
	require.NoError(t, err)
	defer sub.Close()
	ctx := t.Context()
	require.NoError(t, tip.Publish(ctx, node, counted{1}))
	require.NoError(t, tip.PublishTo(ctx, node, ".other", counted{9}), "a longer name, which has no handler")
	require.NoError(t, peer.PublishTo(ctx, node, "worker.1.", counted{2}))
	require.NoError(t, txs.PublishTo(ctx, node, ".late", counted{3}))
	require.NoError(t, txs.Publish(ctx, node, counted{4}))
	require.NoError(t, txs.Publish(ctx, node, counted{}))
	require.ErrorIs(t, l.Follow(ctx, sub), done, "nothing handles faults")
	require.Equal(t, []string{
		`tip 1 node ""`, `peer 2 node "worker.1."`, `txs 3 node ".late"`, `txs 4 node ""`,
	}, heard)
}

// TestAListenerTellsOfFaultsAndGaps: before the event behind a gap, and it goes
// on after a fault.
func TestAListenerTellsOfFaultsAndGaps(t *testing.T) {
	tip := bus.Topic[counted]("node.tip")
	l := bus.NewListener()
	var heard []string
	tip.On(l, func(e counted, _ bus.Meta) error {
		heard = append(heard, "tip")
		return errors.New("no")
	})
	l.OnGap(func(lost uint64) error {
		heard = append(heard, fmt.Sprintf("gap %d", lost))
		return nil
	})
	broken := errors.New("cannot be learned anew")
	l.OnGap(func(lost uint64) error {
		if lost == 9 {
			return broken
		}
		return nil
	})
	l.OnFault(func(topic string, err error) { heard = append(heard, topic+": "+err.Error()) })

	b := bustest.New(t)
	node, _ := b.Conn(roles.Node, "node", bus.NewMux())
	worker, _ := b.Conn(roles.Worker, "worker.1", bus.NewMux())
	sub, err := l.Subscribe(t.Context(), worker)
	require.NoError(t, err)
	require.NoError(t, tip.Publish(t.Context(), node, counted{1}))
	ev, err := sub.Next(t.Context())
	require.NoError(t, err)
	ev.Gap = 7
	require.NoError(t, l.Handle(ev))
	require.NoError(t, l.Handle(bus.Event{Topic: bus.Restored, Gap: 1}))
	require.NoError(t, l.Handle(bus.Event{Topic: "node.tip"}), "it has no content")
	require.Equal(t, []string{"gap 7", "tip", "node.tip: no", "gap 1"}, heard[:4])
	require.Len(t, heard, 6)
	require.Contains(t, heard[4], "node.tip: ")
	require.Equal(t, "gap 1", heard[5], "what cannot be decoded is lost")
	require.ErrorIs(t, l.Handle(bus.Event{Topic: bus.Restored, Gap: 9}), broken)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, l.Run(ctx, worker), bus.ErrCanceled)
	require.Panics(t, func() { tip.On(l, nil) }, "there is a handler")
}
