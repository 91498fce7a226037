package bus_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

func TestDrainFinishesWhatRunsAndTakesNothingIn(t *testing.T) {
	synctest.Test(t, drainFinishes)
}

func drainFinishes(t *testing.T) {
	b := bustest.New(t)
	mux := bus.NewMux()
	began, finish := make(chan struct{}), make(chan struct{})
	slow := bus.Method[bus.None, echoed]("node.chain.slow")
	slow.Handle(mux, func(ctx context.Context, _ bus.None) (echoed, error) {
		close(began)
		<-finish
		return echoed{N: 7}, ctx.Err()
	})
	node := bus.New(b.Link(roles.Node, "node"), bus.Config{Mux: mux})
	ended := make(chan error, 1)
	go func() { ended <- node.Run(t.Context()) }()
	<-node.Ready()
	require.Equal(t, "node", node.Instance())
	worker, _ := b.Conn(roles.Worker, "worker.1", nil)
	answer := make(chan error, 1)
	go func() {
		rep, err := slow.Call(t.Context(), worker, bus.None{})
		if err == nil && rep.N != 7 {
			err = errors.New("a wrong answer")
		}
		answer <- err
	}()
	<-began
	impatient, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, node.Drain(impatient), context.DeadlineExceeded, "a handler still runs")
	_, err := slow.Call(t.Context(), worker, bus.None{})
	require.ErrorIs(t, err, bus.ErrNoService, "a part that drains is not asked any more")
	drained := make(chan error, 1)
	go func() { drained <- node.Drain(t.Context()) }()
	close(finish)
	require.NoError(t, <-answer, "what ran was answered")
	require.NoError(t, <-drained)
	require.NoError(t, <-ended)
}

func TestAHandlersContextIsItsCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bustest.New(t)
		mux := bus.NewMux()
		method := bus.Method[bus.None, bus.None]("node.chain.look")
		type key struct{}
		seen := make(chan error, 4)
		method.Handle(mux, func(ctx context.Context, _ bus.None) (bus.None, error) {
			deadline, ok := ctx.Deadline()
			require.True(t, ok)
			require.Equal(t, time.Minute, time.Until(deadline).Round(time.Second))
			require.NoError(t, ctx.Err())
			require.Equal(t, bus.Caller{Role: "worker", Instance: "worker.1"}, bus.CallerFrom(ctx))
			derived, cancel := context.WithCancel(context.WithValue(ctx, key{}, 1))
			defer cancel()
			require.Equal(t, "worker.1", bus.CallerFrom(derived).Instance)
			late := make(chan struct{})
			stop := context.AfterFunc(ctx, func() { close(late) })
			defer stop()
			<-derived.Done()
			<-late
			seen <- ctx.Err()
			return bus.None{}, ctx.Err()
		})
		b.Conn(roles.Node, "node", mux)
		worker, _ := b.Conn(roles.Worker, "worker.1", nil)
		began := time.Now()
		_, err := method.Call(context.Background(), worker, bus.None{})
		require.ErrorIs(t, err, bus.ErrDeadline)
		require.Equal(t, bus.DefaultDeadline, time.Since(began), "a call without a deadline has the default one")
		require.Error(t, <-seen)

		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		time.AfterFunc(time.Second, cancel)
		_, err = method.Call(ctx, worker, bus.None{})
		require.ErrorIs(t, err, bus.ErrCanceled)
		require.ErrorIs(t, <-seen, context.Canceled)
	})
}

// A handler whose own call was given up ends with its service: its caller may ask the next.
func TestAHandlerThatGaveUpIsGone(t *testing.T) {
	method := bus.Method[bus.None, bus.None]("node.chain.give")
	b := bustest.New(t)
	mux := bus.NewMux()
	method.Handle(mux, func(ctx context.Context, _ bus.None) (bus.None, error) {
		return bus.None{}, fmt.Errorf("another call: %w", &bus.Error{Kind: bus.KindCanceled, Method: "node.other"})
	})
	b.Conn(roles.Node, "node", mux)
	worker, _ := b.Conn(roles.Worker, "worker.1", nil)
	_, err := method.Call(t.Context(), worker, bus.None{})
	require.ErrorIs(t, err, bus.ErrGone)
}

// harbour is a broker that can be replaced, as a restart does.
type harbour struct {
	t *testing.T

	mu     sync.Mutex
	broker *broker.Broker
	ctx    context.Context
	sink   context.CancelFunc
}

func (h *harbour) open() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broker = broker.New(broker.Config{Table: bustest.Table()})
	h.ctx, h.sink = context.WithCancel(h.t.Context())
}

func (h *harbour) dial(role rights.Role, instance string) bus.Dial {
	return func(context.Context) (net.Conn, error) {
		h.mu.Lock()
		b, ctx := h.broker, h.ctx
		h.mu.Unlock()
		if ctx.Err() != nil {
			return nil, errors.New("nobody there")
		}
		theirs, ours := link.Pipe()
		go func() { _ = b.Serve(ctx, ours, broker.Identity{Role: role, Instance: instance}) }()
		return theirs, nil
	}
}

func TestEverythingIsRestoredAfterTheBrokersRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &harbour{t: t}
		h.open()
		mux, hangs := nodeMux()
		ctx, cancel := context.WithCancel(t.Context())
		node := bus.NewDialing(h.dial(roles.Node, "node"), bus.Config{Mux: mux})
		worker := bus.NewDialing(h.dial(roles.Worker, "worker.1"), bus.Config{})
		ended := make(chan error, 2)
		for _, c := range []*bus.Conn{node, worker} {
			go func() { ended <- c.Run(ctx) }()
			<-c.Ready()
		}
		sub, err := worker.Subscribe(t.Context(), "node.tip")
		require.NoError(t, err)
		inFlight := make(chan error, 1)
		go func() {
			_, err := hang.Call(t.Context(), worker, question{})
			inFlight <- err
		}()
		<-hangs.began

		h.sink()
		// The broker may have told of the server's end before its own.
		if err := <-inFlight; !errors.Is(err, bus.ErrGone) {
			require.ErrorIs(t, err, bus.ErrClosed, "a call in flight fails with the link")
		}
		require.Error(t, <-hangs.ended)
		began := time.Now()
		_, err = echo.Call(t.Context(), worker, question{})
		require.ErrorIs(t, err, bus.ErrClosed, "a call without a link fails")
		require.ErrorIs(t, ticks.Publish(t.Context(), node, tick{}), bus.ErrClosed)
		require.Zero(t, time.Since(began), "at once")
		<-time.After(time.Minute) // of the bubble: many attempts in vain
		h.open()

		ev, err := sub.Next(t.Context())
		require.NoError(t, err)
		require.Equal(t, bus.Restored, ev.Topic)
		require.EqualValues(t, 1, ev.Gap)
		require.LessOrEqual(t, time.Since(began), 66*time.Second, "pauses have a limit")
		synctest.Wait()
		<-time.After(10 * time.Second) // the node's pauses are its own
		rep, err := echo.Call(t.Context(), worker, question{N: 3})
		require.NoError(t, err)
		require.Equal(t, 3, rep.N)
		require.NoError(t, ticks.Publish(t.Context(), node, tick{N: 5}))
		ev, err = sub.Next(t.Context())
		require.NoError(t, err)
		require.True(t, ticks.Matches(ev))
		cancel()
		for range 2 {
			require.NoError(t, <-ended)
		}
		h.sink()
	})
}
