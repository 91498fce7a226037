package bus_test

import (
	"context"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
)

// TestWhatIsTooLargeIsRefusedToItsSender: the broker would end the link of a
// part whose reply does not fit, and with it all its other calls.
func TestWhatIsTooLargeIsRefusedToItsSender(t *testing.T) {
	b := bustest.New(t)
	mux, _ := nodeMux()
	huge := bus.Method[question, question]("node.chain.huge")
	frame, many := make([]byte, 32<<20+1), make([][]byte, 4096)
	huge.Handle(mux, func(_ context.Context, q question) (question, error) {
		if q.N == 0 {
			return question{Frames: bus.Frames{Attached: [][]byte{frame}}}, nil
		}
		return question{Frames: bus.Frames{Attached: many}}, nil
	})
	b.Conn(roles.Node, "node", mux)
	worker, _ := b.Conn(roles.Worker, "worker.1", nil)
	for n := range 2 {
		_, err := huge.Call(t.Context(), worker, question{N: n})
		require.ErrorIs(t, err, bus.ErrBadMessage)
	}
	for _, attached := range [][][]byte{{frame}, many, {frame[1:], frame[1:]}} {
		_, err := echo.Call(t.Context(), worker, question{Frames: bus.Frames{Attached: attached}})
		require.ErrorIs(t, err, bus.ErrBadMessage)
	}
	_, err := echo.Call(t.Context(), worker, question{N: 1})
	require.NoError(t, err, "both links are as good as before")
}
