package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/node/blockfile"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/script"
	"github.com/bulkheadnode/bulkhead/node/signature"
	"github.com/bulkheadnode/bulkhead/node/space"
	"github.com/bulkheadnode/bulkhead/node/store"
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

// catchUpTurn is how long blocks from the disk are connected at a time.
const catchUpTurn = 250 * time.Millisecond

// limitInterval is how often the mempool is looked through for what is old.
const limitInterval = time.Minute

// node is the process.
type node struct {
	env    part.Env
	cfg    Config
	params *consensus.Params
	log    *slog.Logger

	blocks  *blockfile.Store
	index   *store.DB
	coinsMu sync.Mutex // held to replace coins, and by whoever does not own the node
	coins   *store.DB
	assumed *assumedSet // nil if coins is our own
	engine  *chain.Engine
	pool    *mempool.Pool

	owner   chan struct{} // the token of whoever changes chain or mempool
	stop    atomic.Bool   // long steps should end
	loaded  atomic.Bool   // blocks were imported
	doom    chan error    // an error after which the node cannot go on
	tips    *tipWatch     // for calls that wait for a block
	built   atomic.Pointer[built]
	sharing *sharing
	watch   *watchers
	pending pending
	accused []chain.Refused // whose senders are to be told
	out     publisher
	news    tipNews
	scan    scanState
	dumps   dumps
	arrived chan struct{} // wakes followHistory
	loading atomic.Bool   // a UTXO set is being loaded
	indexes indexes
	resumed map[*chain.Node]struct{} // see connectedBefore

	turn       time.Time     // when catching up should pause; the owner's
	lost       atomic.Int64  // blocks that proved damaged when they were to be connected
	placed     chan struct{} // closed when it is known where all stored blocks are
	reindexing bool          // the index is being made anew from the block files
}

// Run serves until ctx ends or -stopatheight is reached.
func Run(ctx context.Context, env part.Env, cfg Config) error {
	n := &node{
		env: env, cfg: cfg, log: env.Logger, owner: make(chan struct{}, 1), doom: make(chan error, 1),
		tips: newTipWatch(), news: tipNews{owed: make(chan struct{}, 1)}, sharing: newSharing(), watch: newWatchers(), placed: make(chan struct{}),
		arrived: make(chan struct{}, 1),
	}
	if err := n.openOrReindex(); err != nil {
		return err
	}
	mux := bus.NewMux()
	n.handle(mux)
	err := env.Serve(ctx, mux, n.table(), n.serve)
	if errors.Is(err, ErrStopHeight) || errors.Is(err, ErrStopImport) {
		err = nil
	}
	// Whoever is told that we are gone may look at the files at once.
	return n.end(err)
}

// open opens files and databases and loads the chain.
func (n *node) open() error {
	var err error
	if n.params, err = n.cfg.params(); err != nil {
		return err
	}
	for _, dir := range []string{n.cfg.BlocksDir, n.cfg.Dir} {
		if err := space.Check(dir, 0); err != nil {
			return part.Final(err)
		}
	}
	if n.params.SignetChallenge != nil {
		n.log.Info(fmt.Sprintf("Signet derived magic (message start): %x", binary.LittleEndian.AppendUint32(nil, uint32(n.params.Net))))
	}
	began := time.Now()
	if err := n.openDisk(); err != nil {
		return err
	}
	verifier := script.New(script.Config{Parallel: n.cfg.Parallel, Sigs: 100_000, Txs: 100_000})
	n.log.Info("Signatures are verified by " + signature.Library)
	if err := n.openChain(verifier); err != nil {
		return err
	}
	policy := n.cfg.policy()
	policy.Coins, policy.Verifier, policy.Sink = activeCoins{n.engine}, verifier, n.onMempool
	n.pool = mempool.New(policy)
	tip := n.engine.View().Tip()
	n.log.Info(fmt.Sprintf("Loaded best chain: hashBestChain=%s height=%d date=%s progress=%f",
		tip.Hash, tip.Height, isoTime(tip.Time), n.progress(tip)))
	n.log.Info(fmt.Sprintf(" block index %15dms", time.Since(began).Milliseconds()))
	n.resumed = connectedBefore(n.engine)
	return n.openIndexes()
}

func (n *node) openChain(verifier *script.Verifier) error {
	n.log.Info("Loading block index...")
	target, pruning := n.cfg.pruneTarget()
	if pruning {
		n.log.Info(pruneText(target))
	}
	var err error
	n.engine, err = chain.Open(chain.Config{
		Params: n.params, Blocks: n.blocks, Index: n.index, Coins: n.coins, Assumed: n.assumption(), Verifier: verifier,
		Cache: max(n.cfg.CacheMiB, 4) << 20 * 3 / 4, MaxTipAge: n.cfg.MaxTipAge,
		Pruning: pruning, PruneTarget: target, PruneLock: n.pruneLock, Reindexing: n.reindexing,
		Sink: n.onChain, Interrupted: n.interrupted, Room: n.room,
	}, n.now())
	if err != nil {
		return fmt.Errorf("loading the chain: %w", err)
	}
	for _, err := range n.engine.Doubted() {
		n.log.Warn(fmt.Sprintf("%v; the block is downloaded again", err))
	}
	if err := n.checkPruned(); err != nil {
		return err
	}
	return n.checkLast()
}

// close closes what open has opened.
func (n *node) close() error {
	var err error
	if n.blocks != nil {
		err = n.blocks.Close()
	}
	if n.index != nil {
		err = errors.Join(err, n.index.Close())
	}
	if n.coins != nil {
		err = errors.Join(err, n.coins.Close())
	}
	if n.assumed != nil {
		err = errors.Join(err, n.assumed.verified.Close())
	}
	if err == nil && n.assumed != nil && n.assumed.refuted {
		err = n.setAside()
	}
	return errors.Join(err, n.indexes.close())
}

// serve runs while the node is on the bus.
func (n *node) serve(ctx context.Context, conn *bus.Conn) error {
	// A node adrift must not go on connecting blocks either.
	defer context.AfterFunc(ctx, func() { n.stop.Store(true) })()
	n.out.attach(ctx, conn)
	sub, err := conn.Subscribe(ctx, "bus.link.")
	if err != nil {
		return err
	}
	defer sub.Close()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return n.followLinks(ctx, sub) })
	group.Go(func() error { return n.keepHouse(ctx) })
	group.Go(func() error { return n.start(ctx) })
	group.Go(func() error { return n.followPlaced(ctx) })
	group.Go(func() error { return n.followHistory(ctx) })
	group.Go(func() error { return n.awaitDoom(ctx) })
	group.Go(func() error { return n.tips.awaitStop(ctx, n.cfg.StopAtHeight) })
	group.Go(func() error { return n.news.run(ctx, func() { n.sendTip(nil) }) })
	return group.Wait()
}

// start catches up with what is on disk and imports what the user asks for.
func (n *node) start(ctx context.Context) error {
	n.log.Info("initload thread start")
	defer n.log.Info("initload thread exit")
	err := n.reindex(ctx)
	if err == nil {
		close(n.placed)
		err = n.connectStored(ctx)
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
	return nil
}

// connectStored connects the blocks that are on disk. There may be hours of them: now
// and then whoever waits for the chain has a turn.
func (n *node) connectStored(ctx context.Context) error {
	for {
		err := n.own(ctx, func() error {
			n.turn = time.Now().Add(catchUpTurn)
			defer func() { n.turn = time.Time{} }()
			return n.activate()
		})
		if !errors.Is(err, chain.ErrInterrupted) || n.stop.Load() {
			return err
		}
	}
}

// interrupted tells the engine to come to an end. The caller owns the node.
func (n *node) interrupted() bool {
	return n.stop.Load() || !n.turn.IsZero() && time.Now().After(n.turn)
}

// keepHouse flushes and tidies up from time to time.
func (n *node) keepHouse(ctx context.Context) error {
	flush, limit := time.NewTicker(flushInterval), time.NewTicker(limitInterval)
	checkpoint, room := time.NewTicker(checkpointInterval), time.NewTicker(roomInterval)
	defer flush.Stop()
	defer limit.Stop()
	defer checkpoint.Stop()
	defer room.Stop()
	due := 0
	for {
		var err error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-flush.C:
			if due++; due >= flushesApart || !n.engine.View().CatchingUp() {
				due = 0
				err = n.own(ctx, n.flush)
			}
		case <-checkpoint.C:
			err = n.ownEngine(ctx, n.checkpoint)
		case <-room.C:
			err = n.room(0)
		case <-limit.C:
			err = n.own(ctx, func() error { n.pool.Limit(n.now()); return nil })
		}
		if err != nil && ctx.Err() == nil {
			return n.fatal(err)
		}
	}
}

// checkpoint makes what was connected survive a kill. Blocks may be left whose
// sender did not wait for them.
func (n *node) checkpoint() error {
	if err := n.follow(n.engine.Collect(n.now())); err != nil {
		return err
	}
	return n.engine.Checkpoint()
}

// flush makes everything durable. The caller owns the node.
func (n *node) flush() error {
	if n.engine == nil {
		return nil
	}
	if err := n.engine.Drain(n.now()); err != nil {
		return n.vital(err)
	}
	return n.vital(n.engine.Flush())
}

// awaitDoom returns when something fails that the node cannot do without.
func (n *node) awaitDoom(ctx context.Context) error {
	select {
	case err := <-n.doom:
		return n.fatal(err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// vital passes on the error of a step of the chain, which is about disk or
// memory and not about a block: the node ends, whoever caused the step.
func (n *node) vital(err error) error {
	if err != nil && !errors.Is(err, chain.ErrInterrupted) {
		select {
		case n.doom <- err:
		default: // it is ending already
		}
	}
	return err
}

// fatal logs an error after which the node cannot go on. Where a new start
// would not help, that is not tried.
func (n *node) fatal(err error) error {
	if lacksRoom(err) {
		n.log.Error(err.Error())
		err = noRoom(err)
		n.log.Error(err.Error())
		return err
	}
	text := "A fatal internal error occurred, see debug.log for details: %w"
	if isDamage(err) {
		text += ". " + wayOut
	}
	final := isDamage(err)
	err = wording(text, err)
	n.log.Error(err.Error())
	if final {
		return part.Final(err)
	}
	return err
}

func (n *node) now() int64 { return n.env.Clock.Now().Unix() }

// own runs fn as the only one who changes chain or mempool. No block is under
// way then.
func (n *node) own(ctx context.Context, fn func() error) error {
	return n.ownEngine(ctx, func() error {
		if err := n.follow(n.engine.Drain(n.now())); err != nil {
			return err
		}
		return fn()
	})
}

// ownEngine is own for what may be done while scripts of blocks still run.
func (n *node) ownEngine(ctx context.Context, fn func() error) error {
	select {
	case n.owner <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-n.owner }()
	return fn()
}

// activate lets the chain go where it should. The caller owns the node.
func (n *node) activate() error { return n.follow(n.engine.Activate(n.now())) }

// follow lets the mempool follow a step of the chain that ended with err.
func (n *node) follow(err error) error {
	n.settle()
	// Whoever sees that a peer has to go sees the chain as it is then.
	accused := n.accused
	n.accused = nil
	for _, ev := range accused {
		n.blame(ev.Node.Hash, ev.Reject)
	}
	return n.vital(err)
}
