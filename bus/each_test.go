package bus_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
)

// TestEachLendsEventsUntilItsFunctionReturns: while their memory is used again,
// events read as they were published.
func TestEachLendsEventsUntilItsFunctionReturns(t *testing.T) {
	b := bustest.New(t)
	node, _ := b.Conn(roles.Node, "node", nil)
	worker, stop := b.Conn(roles.Worker, "worker.1", nil)
	sub, err := worker.Subscribe(t.Context(), "node.tip")
	require.NoError(t, err)
	text := func(n int) string { return strings.Repeat(string(rune('a'+n%26)), n%1500) }
	const events, window = 20_000, 4000
	room := make(chan struct{}, window)
	failed := make(chan error, 1)
	go func() {
		for i := range events {
			room <- struct{}{}
			if err := ticks.Publish(t.Context(), node, tick{N: i, Text: text(i)}); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	enough := errors.New("enough")
	next := 0
	hear := func(ev bus.Event) error {
		got, err := ticks.Decode(ev)
		require.NoError(t, err)
		require.Equal(t, next, got.N)
		require.Equal(t, text(next), got.Text)
		<-room
		if next++; next == events/2 || next == events {
			return enough
		}
		return nil
	}
	require.ErrorIs(t, sub.Each(t.Context(), hear), enough)
	require.Equal(t, events/2, next)
	require.ErrorIs(t, sub.Each(t.Context(), hear), enough)
	require.Equal(t, events, next)
	require.NoError(t, <-failed)

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(enough)
	require.ErrorIs(t, sub.Each(ctx, hear), enough, "ctx has ended")
	stop()
	require.ErrorIs(t, sub.Each(t.Context(), hear), bus.ErrClosed)
}
