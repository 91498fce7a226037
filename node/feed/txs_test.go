package feed

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
)

// Who announces a transaction is the one who changes chain and mempool: it waits for no
// sorting.
func TestNobodyWaitsForTheBacklogToBeSorted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sorting, sorted := make(chan int), make(chan struct{})
		f := New(Config{TxRate: 1, Clock: clock.New(0), Log: slog.New(slog.DiscardHandler), Best: func(wtxids []chainhash.Hash) []chainhash.Hash {
			sorting <- len(wtxids)
			<-sorted
			return wtxids
		}})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- f.Run(ctx) }()
		for i := range 3000 {
			f.Announce(numbered(i).tx, 200)
		}
		require.Equal(t, 3000-1, <-sorting, "the first went at once")
		f.Announce(numbered(3000).tx, 200)
		require.Equal(t, 3000, f.TxRates().Inbound.Backlog)
		sorted <- struct{}{}
		require.Equal(t, 3000, <-sorting, "of outbound peers")
		close(sorted)
		pass(txInterval)
		require.Equal(t, 3000-burstSeconds-floorSeconds, f.TxRates().Inbound.Backlog)
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
}

// TestTransactionsAreAnnouncedInBatches: one alone at once, those that come soon
// after it together, and so many that an event is full without waiting.
func TestTransactionsAreAnnouncedInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bustest.New(t)
		node, _ := b.Conn(roles.Node, "node", bus.NewMux())
		worker, _ := b.Conn(roles.Worker, "worker.1", bus.NewMux())
		ctx, cancel := context.WithCancel(t.Context())
		events := make(chan []p2p.TxAnnouncement, 100)
		l := bus.NewListener()
		msg.TxsAnnounced.On(l, func(e p2p.TxsAnnouncedEvent, _ bus.Meta) error {
			events <- e.Txs
			return nil
		})
		sub, err := l.Subscribe(ctx, worker)
		require.NoError(t, err)
		defer sub.Close()
		f := New(Config{TxRate: 1000, Clock: clock.New(0), Log: slog.New(slog.DiscardHandler)})
		ended := make(chan error, 2)
		go func() { ended <- l.Follow(ctx, sub) }()
		go func() { ended <- f.Run(ctx) }()
		announce := func(from, to int64) {
			for n := from; n < to; n++ {
				f.Announce(p2p.TxAnnouncement{FeeRate: n, Peer: p2p.NoPeer}, 200)
			}
		}
		var heard [][]p2p.TxAnnouncement
		lengths := func() (n []int) {
			synctest.Wait()
			for len(events) > 0 {
				heard = append(heard, <-events)
			}
			for _, txs := range heard {
				n = append(n, len(txs))
			}
			return n
		}
		announce(0, 1) // nobody is there yet
		f.Attach(ctx, node)

		pass(time.Minute)
		announce(1, 2)
		require.Equal(t, []int{1}, lengths())
		announce(2, 12)
		require.Equal(t, []int{1}, lengths(), "they wait")
		pass(txInterval)
		require.Equal(t, []int{1, 10}, lengths())
		pass(txInterval)
		require.Len(t, lengths(), 2, "without a transaction there is no event")

		pass(time.Minute)
		announce(12, 12+2*p2p.MaxAnnounced+5)
		require.Equal(t, []int{1, 10, 1, p2p.MaxAnnounced, p2p.MaxAnnounced}, lengths())
		pass(txInterval)
		require.Equal(t, []int{1, 10, 1, p2p.MaxAnnounced, p2p.MaxAnnounced, 4}, lengths())
		next := int64(1)
		for _, txs := range heard {
			for _, tx := range txs {
				require.Equal(t, next, tx.FeeRate, "each once, in order")
				next++
			}
		}
		cancel()
		for range 2 {
			require.ErrorIs(t, <-ended, context.Canceled)
		}
	})
}

// How long a transaction waited for others goes with it; one that waits because there are
// too many has waited for its turn.
func TestAnnouncementsTellHowLongTheyWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := waiting{came: time.Now()}
		require.Zero(t, w.told().Waited)
		<-time.After(60 * time.Millisecond)
		require.EqualValues(t, 60, w.told().Waited)
		<-time.After(time.Second)
		require.Zero(t, w.told().Waited)
	})
}
