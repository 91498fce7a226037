package indexer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/index"
	"github.com/bulkheadnode/bulkhead/node/store"
	"github.com/bulkheadnode/bulkhead/node/tipwatch"
)

// cacheSmall is the bytes of memory of an index's database; those with an
// entry for each transaction or input take cacheLarge.
const (
	cacheSmall = 4 << 20
	cacheLarge = 16 << 20
)

// logInterval is how often an index that has far to go says where it is.
const logInterval = 30 * time.Second

// maxAwaited is how many blocks an index may be behind for a query to wait for it.
const maxAwaited = 1000

// Config says which indexes there are, and what they follow.
type Config struct {
	Dir          string // holds a folder for each
	Transactions bool   // -txindex
	Spenders     bool   // -txospenderindex
	Filters      bool   // -blockfilterindex
	CoinStats    bool   // -coinstatsindex
	Wipe         bool   // make them anew

	Chain  *chain.Reader
	Params *consensus.Params
	// Tips is set when the chain has moved, or when more of it is verified.
	Tips *tipwatch.Watch
	// Ready is closed when the stored blocks can be read.
	Ready <-chan struct{}
	// OpenStore opens a database that may use so many bytes of memory.
	OpenStore func(dir string, cache int64) (*store.DB, error)
	Log       *slog.Logger
}

// Indexer moves the indexes that the settings ask for; the others are nil.
type Indexer struct {
	Transactions *index.Transactions
	Spenders     *index.Spenders
	Filters      *index.Filters
	CoinStats    *index.CoinStats

	cfg     Config
	running []*running
	stores  []*store.DB
}

// Index is any of them.
type Index interface {
	Name() string
	Height() int32
	Synced() bool
	Next() *chain.BlockNode
	Step() (moved bool, err error)
}

// verifiedChain is the chain as indexes see it: with all blocks being there.
type verifiedChain struct{ *chain.Reader }

// View returns the best chain as far as it is verified from the beginning.
func (v verifiedChain) View() *chain.View { return v.Verified() }

// running is an index whose moves can be waited for.
type running struct {
	Index
	thread string // what the log calls the goroutine that moves it
	moved  *tipwatch.Watch
}

// Open opens the indexes. Close what it returns even if it fails.
func Open(cfg Config) (*Indexer, error) {
	x := &Indexer{cfg: cfg}
	chain := verifiedChain{cfg.Chain}
	var fresh index.Salt
	if _, err := rand.Read(fresh[:]); err != nil {
		return x, err
	}
	for _, want := range []struct {
		wanted         bool
		folder, thread string
		cache          int64
		open           func(*store.DB) (Index, error)
	}{
		{cfg.Transactions, "txindex", "txidx", cacheLarge, func(db *store.DB) (_ Index, err error) {
			x.Transactions, err = index.OpenTransactions(chain, db, fresh)
			return x.Transactions, err
		}},
		{cfg.Spenders, "txospenderindex", "txospenderidx", cacheLarge, func(db *store.DB) (_ Index, err error) {
			x.Spenders, err = index.OpenSpenders(chain, db, fresh)
			return x.Spenders, err
		}},
		{cfg.Filters, "blockfilter/basic", "blkfltbscidx", cacheSmall, func(db *store.DB) (_ Index, err error) {
			x.Filters, err = index.OpenFilters(chain, db)
			return x.Filters, err
		}},
		{cfg.CoinStats, "coinstatsindex", "coinstatsidx", cacheSmall, func(db *store.DB) (_ Index, err error) {
			x.CoinStats, err = index.OpenCoinStats(chain, db, cfg.Params)
			return x.CoinStats, err
		}},
	} {
		if !want.wanted {
			continue
		}
		if err := x.open(want.folder, want.thread, want.cache, want.open); err != nil {
			return x, err
		}
	}
	return x, nil
}

func (x *Indexer) open(folder, thread string, cache int64, open func(*store.DB) (Index, error)) error {
	dir := filepath.Join(x.cfg.Dir, filepath.FromSlash(folder))
	if x.cfg.Wipe {
		x.cfg.Log.Info("Wiping " + dir)
		if err := store.Remove(dir); err != nil {
			return err
		}
	}
	db, err := x.cfg.OpenStore(dir, cache)
	if err != nil {
		return fmt.Errorf("%w; the index is made anew if its folder is deleted", err)
	}
	x.stores = append(x.stores, db)
	opened, err := open(db)
	if err != nil {
		return fmt.Errorf("index in %s: %w; it is made anew if that folder is deleted", dir, err)
	}
	if err := x.checkNotPruned(opened); err != nil {
		return err
	}
	x.running = append(x.running, &running{opened, thread, tipwatch.New()})
	return nil
}

// checkNotPruned refuses to start an index whose next blocks were deleted.
func (x *Indexer) checkNotPruned(of Index) error {
	next := of.Next()
	if next == nil || next.Height >= x.cfg.Chain.FirstStored(x.cfg.Chain.Verified()).Height {
		return nil
	}
	return fmt.Errorf("%s best block of the index goes beyond pruned data (including undo data). "+
		"Please disable the index or reindex (which will download the whole blockchain again)\n"+
		"Error: A fatal internal error occurred, see debug.log for details: Failed to start indexes, shutting down…", of.Name())
}

// pruneBuffer is how many blocks below an index's position are kept for it, as
// it may have to go back.
const pruneBuffer = 10

// PruneLock returns the height, limit at the most, up to which the indexes let
// blocks be deleted.
func (x *Indexer) PruneLock(limit int32) int32 {
	name := ""
	for _, r := range x.running {
		if height := r.Height() - pruneBuffer - 1; height < limit {
			limit, name = height, r.Name()
		}
	}
	if name != "" {
		x.cfg.Log.With("cat", "prune").Debug(fmt.Sprintf("%s limited pruning to height %d", name, limit))
	}
	return limit
}

// Close closes the databases.
func (x *Indexer) Close() error {
	var err error
	for _, db := range x.stores {
		err = errors.Join(err, db.Close())
	}
	x.stores, x.running = nil, nil
	return err
}

// All returns the indexes that there are.
func (x *Indexer) All() []Index {
	all := make([]Index, len(x.running))
	for i, r := range x.running {
		all[i] = r.Index
	}
	return all
}

// Run lets all indexes follow the chain, each at its own pace, until ctx ends.
// Before Ready not even genesis can be read.
func (x *Indexer) Run(ctx context.Context) error {
	select {
	case <-x.cfg.Ready:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, r := range x.running {
		group.Go(func() error { return x.follow(ctx, r) })
	}
	group.Go(func() error { <-ctx.Done(); return context.Cause(ctx) })
	return group.Wait()
}

func (x *Indexer) follow(ctx context.Context, r *running) error {
	x.cfg.Log.Info(r.thread + " thread start")
	defer x.cfg.Log.Info(r.thread + " thread exit")
	for enabled := false; ; {
		_, changed := x.cfg.Tips.Next()
		if err := x.catchUp(ctx, r); err != nil {
			return err
		}
		if !enabled {
			enabled = true
			x.cfg.Log.Info(fmt.Sprintf("%s is enabled at height %d", r.Name(), r.Height()))
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// catchUp adds blocks until there are none.
func (x *Indexer) catchUp(ctx context.Context, r *running) error {
	logged := time.Now()
	for {
		moved, err := r.Step()
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.moved.Set(r.Height())
		if !moved {
			return nil
		}
		if time.Since(logged) >= logInterval {
			logged = time.Now()
			x.cfg.Log.Info(fmt.Sprintf("Syncing %s with block chain from height %d", r.Name(), r.Height()))
		}
	}
}

// Await waits until an index contains the chain's tip. It reports false at once
// if that is far away.
func (x *Indexer) Await(ctx context.Context, of Index) (bool, error) {
	for _, r := range x.running {
		if r.Index == of {
			return x.await(ctx, r)
		}
	}
	return false, nil
}

func (x *Indexer) await(ctx context.Context, r *running) (bool, error) {
	for {
		_, moved := r.moved.Next()
		next := r.Next()
		if next == nil {
			return true, nil
		}
		if x.cfg.Chain.View().Height()-next.Height >= maxAwaited {
			return false, nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

// AwaitAll waits for all that are not far behind.
func (x *Indexer) AwaitAll(ctx context.Context) error {
	for _, r := range x.running {
		if _, err := x.await(ctx, r); err != nil {
			return err
		}
	}
	return nil
}
