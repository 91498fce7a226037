package broker_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
)

// TestWhoFloodsIsNotReadForAWhile: calls beyond the rate are refused, the link is read
// no faster than it may send, and others do not notice.
func TestWhoFloodsIsNotReadForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate, flood = 10, 100
		table, log := bustest.Table(), &lockedBuffer{}
		clients := table[roles.Client]
		clients.Messages = rate
		table[roles.Client] = clients
		b := bustest.NewWith(t, broker.Config{Table: table, Logger: slog.New(slog.NewTextHandler(log, nil))})
		mux := bus.NewMux()
		var served atomic.Int64
		count := bus.Method[bus.None, bus.None]("node.chain.count")
		count.Handle(mux, func(_ context.Context, n bus.None) (bus.None, error) { served.Add(1); return n, nil })
		_, stopNode := b.Conn(roles.Node, "node", mux)
		worker, stopWorker := b.Conn(roles.Worker, "worker.1", nil)
		client, answers, _ := watch(t, b, roles.Client, "client.1", codec.Announcement{})
		answers.until(t, codec.Welcome)

		began := time.Now()
		for id := range flood {
			send(t, client, header(t, codec.Header{Kind: codec.Call, ID: uint64(id) + 1, To: count.Name()}), []byte{0xa0})
		}
		synctest.Wait()
		_, err := count.Call(t.Context(), worker, bus.None{})
		require.NoError(t, err)
		require.Zero(t, time.Since(began), "others are served at once")
		refused := 0
		for answered := range flood {
			s := <-answers.heard
			if s.kind == codec.Error {
				require.Equal(t, "overloaded", s.fault)
				refused++
			}
			require.Less(t, answered-refused, rate+1+int(rate*time.Since(began)/time.Second), "more than its rate was served")
		}
		require.EqualValues(t, flood-refused, served.Load()-1)
		require.Positive(t, refused)
		require.EqualValues(t, refused, b.Broker.Stats()[0].Refusals)
		require.Equal(t, 1, log.count("sends more than 10 messages"))

		// After a silence it may go on.
		<-time.After(time.Second)
		send(t, client, header(t, codec.Header{Kind: codec.Call, ID: flood + 1, To: count.Name()}), []byte{0xa0})
		require.Equal(t, codec.Reply, (<-answers.heard).kind)
		client.Close()
		stopWorker()
		stopNode()
	})
}

// TestRatesAreInBytesToo: a message is what it weighs, and one that could never be
// within the rate is refused.
func TestRatesAreInBytesToo(t *testing.T) {
	table := bustest.Table()
	clients := table[roles.Client]
	clients.Bytes = 1000
	table[roles.Client] = clients
	b := bustest.NewWith(t, broker.Config{Table: table})
	mux := bus.NewMux()
	say := bus.Method[[]byte, bus.None]("node.chain.say")
	say.Handle(mux, func(context.Context, []byte) (bus.None, error) { return bus.None{}, nil })
	b.Conn(roles.Node, "node", mux)
	client, _ := b.Conn(roles.Client, "client.1", nil)
	_, err := say.Call(t.Context(), client, make([]byte, 500))
	require.NoError(t, err)
	_, err = say.Call(t.Context(), client, make([]byte, 1001))
	require.ErrorIs(t, err, bus.ErrOverloaded)
}
