package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/index"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// indexCache is the bytes of memory of an index's database; those with an
// entry for each transaction or input take indexCacheLarge.
const (
	indexCache      = 4 << 20
	indexCacheLarge = 16 << 20
)

// indexLogInterval is how often an index that has far to go says where it is.
const indexLogInterval = 30 * time.Second

// maxAwaited is for how many blocks a query waits.
const maxAwaited = 1000

// indexes are those that the settings ask for; the others are nil.
type indexes struct {
	txs      *index.Transactions
	stats    *index.CoinStats
	spenders *index.Spenders
	filters  *index.Filters
	scan     filterScan

	running []*runningIndex
	stores  []*store.DB
}

// follower is any index.
type follower interface {
	Name() string
	Height() int32
	Synced() bool
	Next() *chain.Node
	Step() (moved bool, err error)
}

// verifiedChain is the chain as indexes see it: with all blocks being there.
type verifiedChain struct{ *chain.Engine }

// View returns the best chain as far as it is verified from the beginning.
func (v verifiedChain) View() *chain.View { return v.Verified() }

// runningIndex is an index whose moves can be waited for.
type runningIndex struct {
	follower
	thread string // what the log calls whoever moves it
	moved  *tipWatch
}

// openIndexes opens the indexes that the settings ask for.
func (n *node) openIndexes() error {
	x := &n.indexes
	var fresh index.Salt
	if _, err := rand.Read(fresh[:]); err != nil {
		return err
	}
	var err error
	if n.cfg.TxIndex {
		err = n.openIndex("txindex", "txidx", indexCacheLarge, func(db *store.DB) (_ follower, err error) {
			x.txs, err = index.OpenTransactions(verifiedChain{n.engine}, db, fresh)
			return x.txs, err
		})
	}
	if err == nil && n.cfg.SpenderIndex {
		err = n.openIndex("txospenderindex", "txospenderidx", indexCacheLarge, func(db *store.DB) (_ follower, err error) {
			x.spenders, err = index.OpenSpenders(verifiedChain{n.engine}, db, fresh)
			return x.spenders, err
		})
	}
	if err == nil && n.cfg.FilterIndex {
		err = n.openIndex("blockfilter/basic", "blkfltbscidx", indexCache, func(db *store.DB) (_ follower, err error) {
			x.filters, err = index.OpenFilters(verifiedChain{n.engine}, db)
			return x.filters, err
		})
	}
	if err == nil && n.cfg.CoinStatsIndex {
		err = n.openIndex("coinstatsindex", "coinstatsidx", indexCache, func(db *store.DB) (_ follower, err error) {
			x.stats, err = index.OpenCoinStats(verifiedChain{n.engine}, db, n.params)
			return x.stats, err
		})
	}
	return err
}

func (n *node) openIndex(folder, thread string, cache int64, open func(*store.DB) (follower, error)) error {
	dir := filepath.Join(n.cfg.Dir, "indexes", filepath.FromSlash(folder))
	if n.cfg.Reindex {
		n.log.Info("Wiping " + dir)
		if err := store.Remove(dir); err != nil {
			return err
		}
	}
	db, err := n.openStore(dir, cache)
	if err != nil {
		return fmt.Errorf("%w; the index is made anew if its folder is deleted", err)
	}
	n.indexes.stores = append(n.indexes.stores, db)
	opened, err := open(db)
	if err != nil {
		return fmt.Errorf("index in %s: %w; it is made anew if that folder is deleted", dir, err)
	}
	if err := n.checkNotPruned(opened); err != nil {
		return err
	}
	n.indexes.running = append(n.indexes.running, &runningIndex{opened, thread, newTipWatch()})
	return nil
}

// checkNotPruned refuses to start an index whose next blocks were deleted.
func (n *node) checkNotPruned(x follower) error {
	next := x.Next()
	if next == nil || next.Height >= n.engine.FirstStored(n.engine.Verified()).Height {
		return nil
	}
	return wording("%s best block of the index goes beyond pruned data (including undo data). "+
		"Please disable the index or reindex (which will download the whole blockchain again)\n"+
		"Error: A fatal internal error occurred, see debug.log for details: Failed to start indexes, shutting down…", x.Name())
}

// pruneBuffer is how many blocks below an index's position are kept for it, as
// it may have to go back.
const pruneBuffer = 10

// pruneLock returns up to which height the indexes let blocks be deleted.
func (n *node) pruneLock() int32 {
	limit := n.dumps.pruneLock(n.engine.View().Height())
	name := ""
	for _, x := range n.indexes.running {
		if height := x.Height() - pruneBuffer - 1; height < limit {
			limit, name = height, x.Name()
		}
	}
	if name != "" {
		n.log.With("cat", "prune").Debug(fmt.Sprintf("%s limited pruning to height %d", name, limit))
	}
	return limit
}

func (x *indexes) close() error {
	var err error
	for _, db := range x.stores {
		err = errors.Join(err, db.Close())
	}
	x.stores, x.running = nil, nil
	return err
}

// followPlaced is followChain from when the stored blocks are placed: before,
// not even genesis can be read.
func (n *node) followPlaced(ctx context.Context) error {
	select {
	case <-n.placed:
		return n.followChain(ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// followChain lets all indexes follow the chain, each at its own pace.
func (n *node) followChain(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, x := range n.indexes.running {
		group.Go(func() error { return n.followWith(ctx, x) })
	}
	group.Go(func() error { <-ctx.Done(); return context.Cause(ctx) })
	return group.Wait()
}

func (n *node) followWith(ctx context.Context, x *runningIndex) error {
	n.log.Info(x.thread + " thread start")
	defer n.log.Info(x.thread + " thread exit")
	for enabled := false; ; {
		_, changed := n.tips.next()
		if err := n.catchUp(ctx, x); err != nil {
			return err
		}
		if !enabled {
			enabled = true
			n.log.Info(fmt.Sprintf("%s is enabled at height %d", x.Name(), x.Height()))
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// catchUp adds blocks until there are none.
func (n *node) catchUp(ctx context.Context, x *runningIndex) error {
	logged := time.Now()
	for {
		moved, err := x.Step()
		if err != nil {
			return n.fatal(err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		x.moved.set(x.Height())
		if !moved {
			return nil
		}
		if time.Since(logged) >= indexLogInterval {
			logged = time.Now()
			n.log.Info(fmt.Sprintf("Syncing %s with block chain from height %d", x.Name(), x.Height()))
		}
	}
}

// awaitIndex waits until an index contains the chain's tip. It reports false
// at once if that is far away.
func (n *node) awaitIndex(ctx context.Context, of follower) (bool, error) {
	for _, x := range n.indexes.running {
		if x.follower == of {
			return n.await(ctx, x)
		}
	}
	return false, nil
}

func (n *node) await(ctx context.Context, x *runningIndex) (bool, error) {
	for {
		_, moved := x.moved.next()
		next := x.Next()
		if next == nil {
			return true, nil
		}
		if n.engine.View().Height()-next.Height >= maxAwaited {
			return false, nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

// synced reports whether an index is not far behind, and the chain is not being
// made from what is on disk.
func (n *node) synced(x follower) bool { return n.loaded.Load() && x.Synced() }

// awaitIndexes waits for all that are not far behind.
func (n *node) awaitIndexes(ctx context.Context) error {
	for _, x := range n.indexes.running {
		if _, err := n.await(ctx, x); err != nil {
			return err
		}
	}
	return nil
}
