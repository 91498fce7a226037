package node

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/presence"
	"github.com/bulkheadnode/bulkhead/bus/rights"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/feed"
	"github.com/bulkheadnode/bulkhead/node/fees"
	"github.com/bulkheadnode/bulkhead/node/indexer"
	"github.com/bulkheadnode/bulkhead/node/poolfile"
	"github.com/bulkheadnode/bulkhead/node/privatebroadcast"
	"github.com/bulkheadnode/bulkhead/node/relay"
	"github.com/bulkheadnode/bulkhead/node/tipwatch"
	"github.com/bulkheadnode/bulkhead/node/warnings"
	"github.com/bulkheadnode/bulkhead/node/watch"
)

// The ends of a node that was told to stop at a height, or when it has read
// all block files.
var (
	ErrStopHeight = errors.New("the height to stop at is reached")
	ErrStopImport = errors.New("all blocks are imported")
)

// flushInterval is how often everything is written out, so that a node that
// was killed has few blocks to connect again. While the chain catches up, when
// a flush costs most, it is only every flushesApart-th time.
const (
	flushInterval = time.Minute
	flushesApart  = 10
)

// checkpointInterval is how long a block from a peer may be connected before
// it survives a kill; one of our own does when its submission is answered.
const checkpointInterval = 100 * time.Millisecond

// reannounceInterval is in which time our user's transactions are told again that no
// peer has asked for, as Bitcoin Core's: 10 to 15 minutes.
func reannounceInterval() time.Duration {
	return 10*time.Minute + rand.N(5*time.Minute)
}

// limitInterval is how often the mempool is looked through for what is old.
const limitInterval = time.Minute

// node is the process: its rooms, and what is on disk.
type node struct {
	env part.Env
	cfg Config
	log *slog.Logger

	disk

	owner   *chainstate.Owner // nil before the chain is open
	indexes *indexer.Indexer  // the same
	feed    *feed.Feed
	relay   *relay.Relay
	watch   *watch.Watch
	private *privatebroadcast.Queue // nil without -privatebroadcast
	pools   *poolfile.Files
	fees    *fees.Fees      // nil with -blocksonly
	tips    *tipwatch.Watch // of the best chain, and of how far it is verified

	warnings warnings.Set
	unknown  *chain.UnknownRules // used by the observer

	stopping func() bool // whether Run is to end

	loaded  atomic.Bool   // what is on disk is connected, and -loadblock imported
	lost    atomic.Int64  // blocks that proved damaged when they were to be connected
	located chan struct{} // closed when it is known where all stored blocks are
	resumed chan struct{} // closed when chain and mempool are what a process before this one had
}

// Run serves until ctx ends or -stopatheight is reached.
func Run(ctx context.Context, env part.Env, cfg Config) error {
	n := &node{
		env: env, cfg: cfg, log: env.Logger, tips: tipwatch.New(), located: make(chan struct{}), resumed: make(chan struct{}),
		stopping: func() bool { return ctx.Err() != nil },
	}
	if !cfg.Resumes {
		close(n.resumed)
	}
	n.watch = watch.New(func(instance string, ev msg.WatchedTxEvent) { n.feed.WatchedTx(instance, ev) })
	if err := n.openOrReindex(); errors.Is(err, chain.ErrInterrupted) && ctx.Err() != nil {
		return context.Cause(ctx)
	} else if err != nil {
		return err
	}
	mux := bus.NewMux()
	n.handle(mux)
	err := env.Serve(ctx, mux, n.commands(), n.serve)
	if errors.Is(err, ErrStopHeight) || errors.Is(err, ErrStopImport) {
		err = nil
	}
	// Who is told that we are gone may look at the files at once.
	return n.end(err)
}

// handle offers everything of bus/msg that belongs to the node.
func (n *node) handle(mux *bus.Mux) {
	msg.GetTip.Handle(mux, n.getTip)
	msg.GetBlock.Handle(mux, n.getBlock)
	msg.GetWarnings.Handle(mux, n.getWarnings)
	msg.GetTxRates.Handle(mux, func(context.Context, bus.None) (msg.TxRates, error) { return n.feed.TxRates(), nil })
	n.watch.Handle(mux, watch.Source{
		Chain: n.owner.Chain(), Pool: n.owner.Pool(),
		Coin: func(op wire.OutPoint) (coins.Coin, bool, error) { return n.owner.Chain().Coins().Get(op) },
		Frozen: func(ctx context.Context, fn func() error) error {
			return n.owner.Do(ctx, func(*chainstate.State) error { return fn() })
		},
	})
	msg.Halt.Handle(mux, n.halt)
	msg.SaveMempool.Handle(mux, n.saveMempool)
	msg.FeeEstimates.Handle(mux, n.feeEstimates)
	n.relay.Handle(mux)
}

// serve runs while the node is on the bus.
func (n *node) serve(ctx context.Context, conn *bus.Conn) error {
	// A node adrift must not go on connecting blocks either.
	defer context.AfterFunc(ctx, n.owner.Stop)()
	n.feed.Attach(ctx, conn)
	group, ctx := errgroup.WithContext(ctx)
	for _, run := range []func(context.Context) error{
		n.keepHouse, n.start, n.awaitFailure, n.awaitStopHeight, n.feed.Run, n.pools.Run, n.relay.Run, n.relay.RunPrivate,
		func(ctx context.Context) error { return n.watchLinks().Run(ctx, conn) },
		func(ctx context.Context) error { return n.vitalPart(ctx, n.indexes.Run) },
		func(ctx context.Context) error { return n.vitalPart(ctx, n.sets.Run) },
	} {
		group.Go(func() error { return run(ctx) })
	}
	return group.Wait()
}

// vitalPart runs a part of the node whose failure ends the node.
func (n *node) vitalPart(ctx context.Context, run func(context.Context) error) error {
	err := run(ctx)
	if n.halted(err) {
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return n.fatal(err)
}

// halt serves msg.Halt. Steps that are under way end before their next block,
// and have ended when this returns.
func (n *node) halt(ctx context.Context, _ bus.None) (bus.None, error) {
	n.owner.Stop()
	n.tips.End()
	return bus.None{}, n.owner.DoAmidBlocks(ctx, func(*chainstate.State) error { return nil })
}

// halted reports whether a step ended early because the node is to stop: its
// goroutine waits for that.
func (n *node) halted(err error) bool {
	return errors.Is(err, chain.ErrInterrupted) && n.owner.Stopped()
}

// start catches up with what is on disk and imports what the user asks for.
func (n *node) start(ctx context.Context) error {
	n.log.Info("initload thread start")
	defer n.log.Info("initload thread exit")
	err := n.reindex(ctx)
	if err == nil {
		close(n.located)
		err = n.owner.ConnectStored(ctx)
	}
	if err == nil {
		err = n.importFiles(ctx)
	}
	if errors.Is(err, chain.ErrInterrupted) || ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return n.fatal(err)
	}
	n.loaded.Store(true)
	if n.cfg.StopAfterImport {
		n.log.Info("Stopping after block import")
		return ErrStopImport
	}
	err = n.loadMempool(ctx)
	if n.cfg.Resumes {
		close(n.resumed)
	}
	return err
}

// loadMempool takes in what a node before this one has kept.
func (n *node) loadMempool(ctx context.Context) error {
	if !n.cfg.PersistMempool {
		n.pools.LoadNothing()
		if err := poolfile.Forget(n.cfg.poolJournal()); err != nil {
			n.log.Warn(err.Error())
		}
		return nil
	}
	return n.pools.Load(ctx)
}

// saveMempool serves msg.SaveMempool.
func (n *node) saveMempool(ctx context.Context, req msg.FileNumber) (bus.None, error) {
	var open func(context.Context) (*os.File, error)
	if req.Number != 0 {
		open = func(ctx context.Context) (*os.File, error) { return n.env.Given(ctx, req.Number) }
	}
	return bus.None{}, n.pools.Save(ctx, open)
}

// feeEstimates serves msg.FeeEstimates.
func (n *node) feeEstimates(_ context.Context, req msg.FeeEstimatesRequest) (reply msg.FeeEstimatesReply, err error) {
	if n.fees != nil {
		policy, window := n.fees.Contents(req.Last)
		reply.Attached = [][]byte{policy, window}
	}
	return reply, nil
}

// keepHouse flushes and tidies up from time to time.
func (n *node) keepHouse(ctx context.Context) error {
	flush, limit, again := time.NewTicker(flushInterval), time.NewTicker(limitInterval), time.NewTicker(reannounceInterval())
	checkpoint, room := time.NewTicker(checkpointInterval), time.NewTicker(roomInterval)
	defer flush.Stop()
	defer limit.Stop()
	defer again.Stop()
	defer checkpoint.Stop()
	defer room.Stop()
	due := 0
	for {
		var err error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-flush.C:
			if due++; due >= flushesApart || !n.owner.Chain().View().CatchingUp() {
				due = 0
				err = n.owner.Do(ctx, (*chainstate.State).BeginFlush)
			}
		case <-n.owner.Flushed():
			err = n.owner.DoAmidBlocks(ctx, (*chainstate.State).Collect)
		case <-checkpoint.C:
			err = n.owner.DoAmidBlocks(ctx, (*chainstate.State).Checkpoint)
		case <-room.C:
			if err = n.there(); err == nil {
				err = n.room(0)
			}
		case <-again.C:
			again.Reset(reannounceInterval())
			err = n.owner.Reannounce(ctx)
		case <-limit.C:
			err = n.owner.Do(ctx, func(s *chainstate.State) error { s.LimitPool(); return nil })
		}
		if err != nil && ctx.Err() == nil && !n.halted(err) {
			return n.fatal(err)
		}
	}
}

// awaitFailure returns when something fails that the node cannot do without.
func (n *node) awaitFailure(ctx context.Context) error {
	select {
	case err := <-n.owner.Failed():
		return n.fatal(err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// awaitStopHeight returns when -stopatheight is reached.
func (n *node) awaitStopHeight(ctx context.Context) error {
	err := n.tips.Await(ctx, func(height int32) bool { return n.cfg.StopAtHeight > 0 && height >= n.cfg.StopAtHeight })
	if err == nil {
		err = ErrStopHeight
	}
	return err
}

// watchLinks takes back what belonged to parts that are gone, whatever events
// are lost.
func (n *node) watchLinks() *presence.Watch {
	return presence.New(presence.Config{
		Roles: []rights.Role{roles.Worker, roles.Wallet},
		Held:  func() []string { return append(n.watch.Instances(), n.relay.Workers()...) },
		Gone: func(e msg.RegistryEntry) {
			n.watch.Gone(e.Instance)
			n.relay.WorkerGone(e.Instance)
		},
		Fault: func(err error) { n.log.Warn("Unreadable event of the broker: " + err.Error()) },
	})
}

func (n *node) now() int64 { return n.env.Clock.Now().Unix() }
