package node

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// loadSet fills the second folder with the set of a file and lets the chain go
// on from there. It leaves nothing behind when it fails.
func (n *node) loadSet(ctx context.Context, header coins.SetHeader, file *os.File) (base *chain.Node, err error) {
	if !n.loading.CompareAndSwap(false, true) {
		return nil, errAssumedTwice
	}
	defer n.loading.Store(false)
	err = n.own(ctx, func() error { base, err = n.assumable(header); return err })
	if err != nil {
		return nil, err
	}
	from := n.params.AssumedAt(header.Block)
	if n.engine.CheckAssumable(base) != nil {
		return nil, wording("Population failed: Work does not exceed active chainstate")
	}
	if err := store.Remove(n.assumedDir()); err != nil {
		return nil, err
	}
	db, err := n.openStore(n.assumedDir(), n.databaseCache())
	if err != nil {
		return nil, errors.Join(err, store.Remove(n.assumedDir()))
	}
	if err = n.populate(ctx, db, header, from, file); err != nil {
		err = wording("Population failed: %w", err)
	} else {
		err = n.own(ctx, func() error { return n.assume(header, from, db) })
	}
	if err != nil {
		return nil, errors.Join(err, db.Close(), store.Remove(n.assumedDir()))
	}
	n.pokeHistory()
	return base, n.own(ctx, n.activate)
}

var errAssumedTwice = wording("Can't activate a snapshot-based chainstate more than once")

// assumable returns the block of a set if it may be loaded. The caller owns the
// node.
func (n *node) assumable(header coins.SetHeader) (*chain.Node, error) {
	if n.assumed != nil {
		return nil, errAssumedTwice
	}
	if n.params.AssumedAt(header.Block) == nil {
		heights := make([]string, len(n.params.Assumed))
		for i, set := range n.params.Assumed {
			heights[i] = fmt.Sprint(set.Height)
		}
		return nil, fmt.Errorf("assumeutxo block hash in snapshot metadata not recognized (hash: %s). The following snapshot heights are available: %s",
			header.Block, strings.Join(heights, ", "))
	}
	base := n.engine.Lookup(header.Block)
	switch {
	case base == nil:
		return nil, wording("The base block header (%s) must appear in the headers chain. Make sure all headers are syncing, and call loadtxoutset again", header.Block)
	case n.engine.Info(base).Failed:
		return nil, wording("The base block header (%s) is part of an invalid chain", header.Block)
	case n.engine.View().BestHeader.Ancestor(base.Height) != base:
		return nil, wording("A forked headers-chain with more work than the chain with the snapshot base block header exists. Please proceed to sync without AssumeUtxo.")
	case n.pool.Figures().Count > 0:
		return nil, wording("Can't activate a snapshot when mempool not empty")
	}
	return base, nil
}

// populate reads the coins and compares their hash with the known one.
func (n *node) populate(ctx context.Context, db *store.DB, header coins.SetHeader, from *consensus.AssumedSet, file *os.File) error {
	began, logged := time.Now(), uint64(0)
	n.log.Info(fmt.Sprintf("[snapshot] loading %d coins from snapshot %s", header.Coins, header.Block))
	err := coins.ReadSet(db, header, from.Height, bufio.NewReaderSize(file, 1<<20), func(read uint64) error {
		if percent := read * 100 / header.Coins; percent > logged {
			logged = percent
			n.log.Info(fmt.Sprintf("[snapshot] %d coins loaded (%d%%)", read, percent))
		}
		return context.Cause(ctx)
	})
	if err != nil {
		return err
	}
	n.log.Info(fmt.Sprintf("[snapshot] loaded %d coins from snapshot %s in %.2fs", header.Coins, header.Block, time.Since(began).Seconds()))
	snapshot := db.Snapshot()
	defer snapshot.Close()
	stats, err := coins.ReadStats(snapshot, coins.HashSerialized3, func() error { return context.Cause(ctx) })
	switch {
	case err != nil:
		return err
	case stats.Hash != from.Serialized:
		return wording("Bad snapshot content hash: expected %s, got %s", from.Serialized, stats.Hash)
	case uint64(stats.Outputs) != header.Coins: // some were there twice
		return wording("Mismatch in coins count in snapshot metadata and actual snapshot data")
	}
	return nil
}

// assume makes the set in the second folder the chain's. The caller owns the
// node.
func (n *node) assume(header coins.SetHeader, from *consensus.AssumedSet, db *store.DB) error {
	base, err := n.assumable(header)
	if err != nil {
		return err
	}
	if n.engine.CheckAssumable(base) != nil {
		return wording("work does not exceed active chainstate")
	}
	// The header has to be known when the set is found at the next start.
	if err := n.flush(); err != nil {
		return err
	}
	if err := n.writeBase(base.Hash); err != nil {
		return fmt.Errorf("could not write base blockhash: %w", err)
	}
	verified := n.coins
	if err := n.engine.Assume(from, db, n.now()); err != nil {
		return err
	}
	n.assumed = &assumedSet{AssumedSet: from, verified: verified}
	n.coinsMu.Lock()
	n.coins = db
	n.coinsMu.Unlock()
	n.log.Info(fmt.Sprintf("[snapshot] successfully activated snapshot %s", base.Hash))
	return nil
}
