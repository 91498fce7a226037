package feed

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// How often tips are published in initial download, and transactions at any
// time; see the package's text.
const (
	tipInterval = 50 * time.Millisecond
	txInterval  = 100 * time.Millisecond
)

// Config is what a Feed works with.
type Config struct {
	Events bool           // some part hears the topics under msg.EventPrefix
	Tip    func() p2p.Tip // the state of the chain; called by many goroutines
	// TxRate is how many transactions a second are announced to inbound peers, in
	// the long run.
	TxRate int
	// Best returns those of some transactions, by wtxid, that are in the mempool, in
	// the order in which a miner would take them. It is called by Run.
	Best  func(wtxids []chainhash.Hash) []chainhash.Hash
	Clock *clock.Clock
	Log   *slog.Logger
}

// Feed publishes events in the order in which they are caused.
type Feed struct {
	cfg   Config
	tips  *pacer
	txs   *pacer
	batch batch

	mu      sync.Mutex // guards the fields below
	ctx     context.Context
	conn    *bus.Conn // nil before the node is on the bus
	seq     uint64    // of the last numbered event
	headers [][]byte  // to go with the next tip
}

// New returns a Feed that publishes nothing until Attach is called.
func New(cfg Config) *Feed {
	f := &Feed{cfg: cfg}
	f.batch.inbound, f.batch.outbound = newLimit(cfg.TxRate, 1), newLimit(cfg.TxRate, outboundFactor)
	f.tips = newPacer(tipInterval, f.publishTip)
	f.txs = newPacer(txInterval, f.publishTxs)
	f.txs.prepare = f.sortTxs
	return f
}

// Attach makes the feed publish on conn from now on, until ctx ends.
func (f *Feed) Attach(ctx context.Context, conn *bus.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ctx, f.conn = ctx, conn
}

// Run publishes what has waited, until ctx ends.
func (f *Feed) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return f.tips.run(ctx) })
	group.Go(func() error { return f.txs.run(ctx) })
	return group.Wait()
}

// Seq returns the number of the last event under msg.EventPrefix.
func (f *Feed) Seq() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seq
}

// next numbers an event.
func (f *Feed) next() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seq++
	return f.seq
}

// send runs publish if the node is on the bus. A node that leaves the bus is
// heard by nobody, and its successor tells subscribers where it stands; any other
// failure is a defect.
func (f *Feed) send(publish func(ctx context.Context, conn *bus.Conn) error) {
	f.mu.Lock()
	ctx, conn := f.ctx, f.conn
	f.mu.Unlock()
	if conn == nil {
		return
	}
	if err := publish(ctx, conn); err != nil && ctx.Err() == nil && !errors.Is(err, bus.ErrGone) {
		f.cfg.Log.Error("An event could not be published: " + err.Error())
	}
}
