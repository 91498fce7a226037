package bus_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
)

type question struct {
	N int `cbor:"1,keyasint"`
	bus.Frames
}

type echoed struct {
	N      int    `cbor:"1,keyasint"`
	Caller string `cbor:"2,keyasint"`
	Trace  uint64 `cbor:"3,keyasint"`
	bus.Frames
}

type tick struct {
	N    int    `cbor:"1,keyasint"`
	Text string `cbor:"2,keyasint,omitempty"`
	bus.Frames
}

var (
	echo  = bus.Method[question, echoed]("node.chain.echo")
	hang  = bus.Method[question, bus.None]("node.chain.hang")
	ticks = bus.Topic[tick]("node.tip")
)

// hangs serves hang: it tells when a call has begun and why it was ended.
type hangs struct {
	began chan struct{}
	ended chan error
}

func nodeMux() (*bus.Mux, *hangs) {
	mux := bus.NewMux()
	h := &hangs{began: make(chan struct{}, 16), ended: make(chan error, 16)}
	echo.Handle(mux, func(ctx context.Context, q question) (echoed, error) {
		if q.N < 0 {
			return echoed{}, bus.Errorf("node.negative", "%d is negative", q.N)
		}
		return echoed{N: q.N, Caller: bus.CallerFrom(ctx).Instance, Trace: bus.TraceFrom(ctx), Frames: q.Frames}, nil
	})
	hang.Handle(mux, func(ctx context.Context, _ question) (bus.None, error) {
		h.began <- struct{}{}
		<-ctx.Done()
		h.ended <- ctx.Err()
		return bus.None{}, ctx.Err()
	})
	return mux, h
}

func TestInvokeIsACallOfAMethodThatIsNamed(t *testing.T) {
	b := bustest.New(t)
	mux, _ := nodeMux()
	b.Conn(roles.Node, "node", mux)
	worker, _ := b.Conn(roles.Worker, "worker.1", nil)
	q, rep := question{N: 7, Frames: bus.Frames{Attached: [][]byte{{1, 2}}}}, echoed{}
	require.NoError(t, bus.Invoke(t.Context(), worker, echo.Name(), &q, &rep))
	require.Equal(t, 7, rep.N)
	require.Equal(t, q.Frames, rep.Frames)
	q.N = -1
	require.EqualError(t, bus.Invoke(t.Context(), worker, echo.Name(), &q, &rep), "node.chain.echo: node.negative: -1 is negative")
	require.ErrorIs(t, bus.Invoke(t.Context(), worker, "wallet.spend", &q, &rep), bus.ErrDenied)
}

func TestCallCarriesBodyAttachmentsCallerAndTrace(t *testing.T) {
	b := bustest.New(t)
	mux, _ := nodeMux()
	b.Conn(roles.Node, "node", mux)
	worker, _ := b.Conn(roles.Worker, "worker.1", nil)

	raw := make([]byte, 1<<20)
	raw[17] = 42
	ctx := bus.WithTrace(t.Context(), 99)
	rep, err := echo.Call(ctx, worker, question{N: 7, Frames: bus.Frames{Attached: [][]byte{raw, {}}}})
	require.NoError(t, err)
	require.Equal(t, echoed{N: 7, Caller: "worker.1", Trace: 99, Frames: bus.Frames{Attached: [][]byte{raw, {}}}}, rep)
}

func TestErrorsAreDistinct(t *testing.T) {
	b := bustest.New(t)
	mux, h := nodeMux()
	_, stopNode := b.Conn(roles.Node, "node", mux)
	worker, _ := b.Conn(roles.Worker, "worker.1", nil)
	wallet, stopWallet := b.Conn(roles.Wallet, "wallet.x", nil)

	_, err := bus.Method[bus.None, bus.None]("peers.absent").Call(t.Context(), worker, bus.None{})
	require.ErrorIs(t, err, bus.ErrNoService)
	_, err = echo.CallAt(t.Context(), worker, "node.2", question{})
	require.ErrorIs(t, err, bus.ErrNoService)
	_, err = bus.Method[bus.None, bus.None]("wallet.drain").Call(t.Context(), worker, bus.None{})
	require.ErrorIs(t, err, bus.ErrDenied)
	_, err = echo.Call(t.Context(), worker, question{N: -1})
	require.ErrorIs(t, err, &bus.Error{Kind: "node.negative"})
	require.ErrorContains(t, err, "-1 is negative")
	_, err = bus.Method[string, bus.None](echo.Name()).Call(t.Context(), worker, "not a map")
	require.ErrorIs(t, err, bus.ErrBadMessage)

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = hang.Call(ctx, worker, question{})
	require.ErrorIs(t, err, bus.ErrDeadline)
	<-h.began
	require.Error(t, <-h.ended)

	gone := make(chan error, 1)
	go func() {
		_, err := hang.Call(t.Context(), worker, question{})
		gone <- err
	}()
	<-h.began
	stopNode()
	require.ErrorIs(t, <-gone, bus.ErrGone)

	stopWallet()
	_, err = wallet.Subscribe(t.Context(), "node.tip")
	require.ErrorIs(t, err, bus.ErrClosed)
}

func TestCallersEndCancelsTheHandler(t *testing.T) {
	b := bustest.New(t)
	mux, h := nodeMux()
	b.Conn(roles.Node, "node", mux)
	worker, stop := b.Conn(roles.Worker, "worker.1", nil)
	failed := make(chan error, 1)
	go func() {
		_, err := hang.Call(t.Context(), worker, question{})
		failed <- err
	}()
	<-h.began
	stop()
	require.ErrorIs(t, <-h.ended, context.Canceled)
	require.ErrorIs(t, <-failed, bus.ErrClosed)
}

func TestSubscribersHearTheirTopicsInOrder(t *testing.T) {
	b := bustest.New(t)
	node, _ := b.Conn(roles.Node, "node", nil)
	client, _ := b.Conn(roles.Client, "client.1", nil)
	sub, err := client.Subscribe(t.Context(), "node.tip", "bus.link.")
	require.NoError(t, err)
	_, err = client.Subscribe(t.Context(), "node.")
	require.ErrorIs(t, err, bus.ErrDenied)
	for i := range 1000 {
		require.NoError(t, ticks.Publish(t.Context(), node, tick{N: i, Frames: bus.Frames{Attached: [][]byte{{byte(i)}}}}))
	}
	for i := range 1000 {
		ev, err := sub.Next(t.Context())
		require.NoError(t, err)
		require.True(t, ticks.Matches(ev))
		require.Zero(t, ev.Gap)
		got, err := ticks.Decode(ev)
		require.NoError(t, err)
		require.Equal(t, tick{N: i, Frames: bus.Frames{Attached: [][]byte{{byte(i)}}}}, got)
	}
	_, stop := b.Conn(roles.Peers, "peers", nil)
	ev, err := sub.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, "bus.link.up.peers", ev.Topic)
	stop()
	ev, err = sub.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, "bus.link.gone.peers", ev.Topic)
}

// TestAReplyComesAfterTheEventsBeforeIt: whatever arrives together with a
// reply, those who have it see all events that were published before it.
func TestAReplyComesAfterTheEventsBeforeIt(t *testing.T) {
	b := bustest.New(t)
	mux := bus.NewMux()
	published := bus.Method[question, bus.None]("node.chain.published")
	var node *bus.Conn
	published.Handle(mux, func(ctx context.Context, q question) (bus.None, error) {
		for i := range q.N {
			event := tick{N: i, Text: strings.Repeat("x", i*37%2500)}
			if i%50 == 49 {
				event.Attached = [][]byte{{byte(i)}}
			}
			if err := ticks.PublishTo(ctx, node, []string{"", ".other"}[i/20%2], event); err != nil {
				return bus.None{}, err
			}
		}
		return bus.None{}, nil
	})
	node, _ = b.Conn(roles.Node, "node", mux)
	worker, _ := b.Conn(roles.Worker, "worker.1", nil)
	sub, err := worker.Subscribe(t.Context(), "node.tip")
	require.NoError(t, err)
	for count := range 100 {
		_, err := published.Call(t.Context(), worker, question{N: count})
		require.NoError(t, err)
		for i := range count {
			ev, ok := sub.TryNext()
			require.True(t, ok, "event %d of %d", i, count)
			got, err := ticks.Decode(ev)
			require.NoError(t, err)
			require.Equal(t, i, got.N)
			require.Len(t, got.Text, i*37%2500)
			require.Equal(t, i%50 == 49, len(got.Attached) == 1)
		}
		_, ok := sub.TryNext()
		require.False(t, ok)
	}
}

func TestSlowSubscriberIsToldWhatItLost(t *testing.T) {
	b := bustest.New(t)
	node, _ := b.Conn(roles.Node, "node", nil)
	worker, _ := b.Conn(roles.Worker, "worker.1", nil)
	sub, err := worker.Subscribe(t.Context(), "node.tip")
	require.NoError(t, err)
	const published = 100_000
	heard, lost := 0, uint64(0)
	for i := range published {
		require.NoError(t, ticks.Publish(t.Context(), node, tick{N: i}))
	}
	for last := -1; last < published; {
		if last >= 0 && heard+int(lost) >= published {
			break
		}
		// One more event after the flood carries the last gap.
		require.NoError(t, ticks.Publish(t.Context(), node, tick{N: published}))
		ev, err := sub.Next(t.Context())
		require.NoError(t, err)
		got, err := ticks.Decode(ev)
		require.NoError(t, err)
		require.GreaterOrEqual(t, got.N, last)
		last = got.N
		if got.N < published {
			heard++
		}
		lost += ev.Gap
	}
	require.GreaterOrEqual(t, heard+int(lost), published)
	require.NotZero(t, lost)
}
