package part_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/part"
)

// A part whose call has met the end of the link lost it, whoever hears of that first.
func TestACallThatMeetsAClosedLinkIsTheLossOfIt(t *testing.T) {
	b := bustest.New(t)
	env := part.Env{Name: "worker.1", Link: b.Link(roles.Worker, "worker.1"), Logger: slog.New(slog.DiscardHandler), Clock: clock.New(0)}
	err := env.Serve(t.Context(), bus.NewMux(), nil, func(context.Context, *bus.Conn) error {
		return fmt.Errorf("fetching orders: %w", bus.ErrClosed)
	})
	require.ErrorIs(t, err, part.ErrAdrift)
	require.ErrorContains(t, err, "fetching orders")
}
