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

var fail = bus.Method[question, bus.None]("node.chain.fail")

// TestTextsOfOthersDoNotCostTheLink: an error may quote what a peer sent, and a
// name may come from a user.
func TestTextsOfOthersDoNotCostTheLink(t *testing.T) {
	b := bustest.New(t)
	mux, _ := nodeMux()
	texts := []string{"peer said \xff\xfe", strings.Repeat("é", 4000) + "!", "x" + strings.Repeat("é", 4000)}
	fail.Handle(mux, func(_ context.Context, q question) (bus.None, error) { return bus.None{}, errors.New(texts[q.N]) })
	b.Conn(roles.Node, "node", mux)
	worker, _ := b.Conn(roles.Worker, "worker.1", nil)
	for i, text := range texts {
		_, err := fail.Call(t.Context(), worker, question{N: i})
		require.ErrorIs(t, err, &bus.Error{Kind: bus.KindInternal}, "%.20q", text)
	}
	for _, name := range []string{"\xff", strings.Repeat("x", 257)} {
		_, err := bus.Method[question, bus.None]("node.chain."+name).Call(t.Context(), worker, question{})
		require.ErrorIs(t, err, bus.ErrBadMessage, "method %.20q", name)
		_, err = echo.CallAt(t.Context(), worker, name, question{})
		require.ErrorIs(t, err, bus.ErrBadMessage, "instance %.20q", name)
		require.ErrorIs(t, bus.Topic[bus.None]("node."+name).Publish(t.Context(), worker, bus.None{}), bus.ErrBadMessage)
		_, err = worker.Subscribe(t.Context(), "node.tip"+name)
		require.ErrorIs(t, err, bus.ErrBadMessage, "topic %.20q", name)
	}
	_, err := echo.Call(t.Context(), worker, question{N: 1})
	require.NoError(t, err, "both links are as good as before")
}
