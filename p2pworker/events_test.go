package p2pworker

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/p2pworker/session"
)

// A session whose node was replaced while events were lost starts over, as one
// whose worker saw it: the new node knows nothing of what the session owes.
func TestANodeThatWasReplacedInAGap(t *testing.T) {
	b := bustest.New(t)
	attachNode := func() (stop func()) {
		mux := bus.NewMux()
		msg.GetTip.Handle(mux, func(context.Context, bus.None) (p2p.Tip, error) { return p2p.Tip{Height: 7}, nil })
		_, stop = b.Conn(roles.Node, "node", mux)
		return stop
	}
	stop := attachNode()
	w := newWorker(part.Env{Name: "worker.1", Logger: slog.New(slog.DiscardHandler), Clock: clock.New(0)}, Config{}.withDefaults())
	w.conn, _ = b.Conn(roles.Worker, w.env.Name, bus.NewMux())
	p := &peer{id: 1, mail: mailbox{wake: make(chan struct{}, 1)}}
	w.add(p)
	l := w.listener(t.Context())
	events, err := w.watchNode(t.Context()).Join(t.Context(), l, w.conn)
	require.NoError(t, err)
	defer events.Close()
	p.mail.take()

	stop()
	_, err = events.Next(t.Context())
	require.NoError(t, err, "its end, which is lost")
	attachNode()
	up, err := events.Next(t.Context())
	require.NoError(t, err)
	up.Gap = 1
	require.NoError(t, l.Handle(up))
	require.Contains(t, p.mail.take(), session.Input(session.NodeRestarted{}))

	up.Gap = 1
	require.NoError(t, l.Handle(up))
	inputs := p.mail.take()
	require.NotContains(t, inputs, session.Input(session.NodeRestarted{}), "it is the same node")
	require.NotEmpty(t, inputs, "the tip may be another")
}
