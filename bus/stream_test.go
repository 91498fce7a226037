package bus_test

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

var count = bus.Stream[question, tick]("node.chain.count")

// counts serves count: question.N ticks, or without end for zero. It tells of
// each that it sent, and how it ended.
type counts struct {
	sent  chan int
	ended chan error
}

func countMux() (*bus.Mux, *counts) {
	mux := bus.NewMux()
	c := &counts{sent: make(chan int, 1<<16), ended: make(chan error, 16)}
	count.Handle(mux, func(_ context.Context, q question, send func(tick) error) (err error) {
		defer func() { c.ended <- err }()
		if q.N < 0 {
			return bus.Errorf("node.negative", "%d is negative", q.N)
		}
		for i := 0; q.N == 0 || i < q.N; i++ {
			if err := send(tick{N: i, Frames: q.Frames}); err != nil {
				return err
			}
			c.sent <- i
		}
		return nil
	})
	return mux, c
}

func TestAStreamBringsAllItemsInOrderAndThenItsEnd(t *testing.T) {
	b := bustest.New(t)
	mux, _ := countMux()
	b.Conn(roles.Node, "node", mux)
	worker, _ := b.Conn(roles.Worker, "worker.1", nil)
	for _, window := range []int{1, 2, 7, 0} {
		items, err := count.Open(t.Context(), worker, question{N: 500, Frames: bus.Frames{Attached: [][]byte{{9}}}}, window)
		require.NoError(t, err)
		for i := range 500 {
			item, err := items.Next(t.Context())
			require.NoError(t, err)
			require.Equal(t, tick{N: i, Frames: bus.Frames{Attached: [][]byte{{9}}}}, item)
		}
		_, err = items.Next(t.Context())
		require.ErrorIs(t, err, io.EOF)
		_, err = items.Next(t.Context())
		require.ErrorIs(t, err, io.EOF)
		items.Close()
	}
	items, err := count.Open(t.Context(), worker, question{N: -1}, 1)
	require.NoError(t, err)
	_, err = items.Next(t.Context())
	require.ErrorIs(t, err, &bus.Error{Kind: "node.negative"})
	items, err = bus.Stream[question, tick]("node.chain.absent").Open(t.Context(), worker, question{}, 1)
	require.NoError(t, err)
	_, err = items.Next(t.Context())
	require.ErrorIs(t, err, bus.ErrNoService)
	_, err = bus.Method[question, bus.None](count.Name()).Call(t.Context(), worker, question{N: 1})
	require.ErrorIs(t, err, bus.ErrBadMessage, "a stream cannot be called as a method")
}

func TestAReaderThatStopsReadingStopsTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bustest.New(t)
		mux, c := countMux()
		b.Conn(roles.Node, "node", mux)
		worker, _ := b.Conn(roles.Worker, "worker.1", nil)
		items, err := count.Open(t.Context(), worker, question{}, 8)
		require.NoError(t, err)
		synctest.Wait()
		require.Len(t, c.sent, 8, "no more than the window")
		for range 4 {
			_, err := items.Next(t.Context())
			require.NoError(t, err)
		}
		synctest.Wait()
		require.Len(t, c.sent, 12, "half a window read is half a window of credit")
		items.Close()
		synctest.Wait()
		require.ErrorIs(t, <-c.ended, context.Canceled)
		_, err = bus.Method[bus.None, bus.None]("node.chain.absent").Call(t.Context(), worker, bus.None{})
		require.ErrorIs(t, err, bus.ErrNoService, "the link is as good as before")
	})
}

func TestAStreamEndsWithItsServerItsReaderAndItsDeadline(t *testing.T) {
	b := bustest.New(t)
	mux, c := countMux()
	_, stopNode := b.Conn(roles.Node, "node", mux)
	worker, stopWorker := b.Conn(roles.Worker, "worker.1", nil)
	reader, _ := b.Conn(roles.Worker, "worker.2", nil)

	drainItems := func(items *bus.Items[tick]) error {
		for {
			if _, err := items.Next(t.Context()); err != nil {
				return err
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	items, err := count.Open(ctx, worker, question{}, 4)
	require.NoError(t, err)
	require.ErrorIs(t, drainItems(items), bus.ErrDeadline)
	require.Error(t, <-c.ended)

	_, err = count.Open(t.Context(), worker, question{}, 4)
	require.NoError(t, err)
	stopWorker()
	require.ErrorIs(t, <-c.ended, context.Canceled)

	items, err = count.Open(t.Context(), reader, question{}, 4)
	require.NoError(t, err)
	_, err = items.Next(t.Context())
	require.NoError(t, err)
	go stopNode()
	require.ErrorIs(t, drainItems(items), bus.ErrGone)
}

func TestAWindowLargerThanTheBrokerAllowsIsMadeSmaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bustest.New(t)
		mux := bus.NewMux()
		var sent atomic.Int64
		count.Handle(mux, func(_ context.Context, q question, send func(tick) error) error {
			for i := range q.N {
				if err := send(tick{N: i}); err != nil {
					return err
				}
				sent.Add(1)
			}
			return nil
		})
		b.Conn(roles.Node, "node", mux)
		worker, _ := b.Conn(roles.Worker, "worker.1", nil)
		items, err := count.Open(t.Context(), worker, question{N: bus.MaxWindow + 100}, 1<<30)
		require.NoError(t, err)
		synctest.Wait()
		require.EqualValues(t, bus.MaxWindow, sent.Load())
		for range bus.MaxWindow + 100 {
			_, err := items.Next(t.Context())
			require.NoError(t, err)
		}
		_, err = items.Next(t.Context())
		require.ErrorIs(t, err, io.EOF)
	})
}

func TestWhatAClosedStreamHadUnreadIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bustest.New(t)
		mux, c := countMux()
		b.Conn(roles.Node, "node", mux)
		worker, _ := b.Conn(roles.Worker, "worker.1", nil)
		items, err := count.Open(t.Context(), worker, question{}, 8)
		require.NoError(t, err)
		synctest.Wait()
		items.Close()
		_, err = items.Next(t.Context())
		require.ErrorIs(t, err, bus.ErrCanceled)
		require.ErrorIs(t, <-c.ended, context.Canceled)
	})
}

// TestAStreamThatFailsInItsMiddle: the items before are read, then the error.
func TestAStreamThatFailsInItsMiddle(t *testing.T) {
	b := bustest.New(t)
	mux := bus.NewMux()
	fails := bus.Stream[question, tick]("node.chain.fails")
	fails.Handle(mux, func(_ context.Context, q question, send func(tick) error) error {
		for i := range q.N {
			if err := send(tick{N: i}); err != nil {
				return err
			}
		}
		if q.Attached != nil {
			return send(tick{Frames: bus.Frames{Attached: make([][]byte, 5000)}})
		}
		return bus.Errorf("node.broken", "after %d", q.N)
	})
	b.Conn(roles.Node, "node", mux)
	worker, _ := b.Conn(roles.Worker, "worker.1", nil)
	read := func(q question, window int) error {
		items, err := fails.Open(t.Context(), worker, q, window)
		require.NoError(t, err)
		defer items.Close()
		for i := range q.N {
			item, err := items.Next(t.Context())
			require.NoError(t, err)
			require.Equal(t, i, item.N)
		}
		_, err = items.Next(t.Context())
		return err
	}
	require.ErrorIs(t, read(question{N: 10}, 3), &bus.Error{Kind: "node.broken"})
	err := read(question{N: 10, Frames: bus.Frames{Attached: [][]byte{{1}}}}, 30)
	require.ErrorContains(t, err, "frame count of 5002 exceeds the limit of 4096")
	require.ErrorIs(t, read(question{}, 1), &bus.Error{Kind: "node.broken"}, "the link is as good as before")
}

func TestAStreamEndsWithTheContextOfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bustest.New(t)
		mux, c := countMux()
		b.Conn(roles.Node, "node", mux)
		worker, _ := b.Conn(roles.Worker, "worker.1", nil)
		ctx, cancel := context.WithCancel(t.Context())
		items, err := count.Open(ctx, worker, question{}, 2)
		require.NoError(t, err)
		synctest.Wait()
		cancel()
		synctest.Wait()
		require.ErrorIs(t, <-c.ended, context.Canceled)
		for range 2 { // what had arrived
			_, err := items.Next(t.Context())
			require.NoError(t, err)
		}
		_, err = items.Next(t.Context())
		require.ErrorIs(t, err, bus.ErrCanceled)
	})
}

// flooder is a part that answers a stream with more than it may.
type flooder struct {
	t *testing.T
	l *link.Link
}

func (f *flooder) Receive(m *link.Message) {
	h, err := codec.DecodeHeader(m.Head())
	if err != nil || h.Kind != codec.Call {
		return
	}
	for range h.Credit + 1 {
		head, err := codec.EncodeHeader(&codec.Header{Kind: codec.Item, ID: h.ID})
		require.NoError(f.t, err)
		mine, err := f.l.Send(link.Ordinary, head, []byte{0xa0}, nil)
		require.NoError(f.t, err)
		if mine {
			f.l.Flush()
		}
	}
}

func (*flooder) Idle() {}

func TestAServerCannotSendMoreThanItsCredit(t *testing.T) {
	b := bustest.New(t)
	worker, _ := b.Conn(roles.Worker, "worker.1", nil)
	sub, err := worker.Subscribe(t.Context(), "bus.link.up.node")
	require.NoError(t, err)
	f := &flooder{t: t, l: link.New(b.Link(roles.Node, "node"), false, link.Limits{})}
	hello, err := codec.EncodeHeader(&codec.Header{Kind: codec.Hello})
	require.NoError(t, err)
	body, err := codec.Marshal(codec.Announcement{Offers: []string{count.Name()}})
	require.NoError(t, err)
	_, err = f.l.Send(link.Ordinary, hello, body, nil)
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- f.l.Run(t.Context(), f) }()
	_, err = sub.Next(t.Context())
	require.NoError(t, err)
	items, err := count.Open(t.Context(), worker, question{}, 3)
	require.NoError(t, err)
	<-ended // before any is read, which would give new credit
	for range 3 {
		_, err := items.Next(t.Context())
		require.NoError(t, err)
	}
	_, err = items.Next(t.Context())
	require.ErrorIs(t, err, bus.ErrGone)
}
