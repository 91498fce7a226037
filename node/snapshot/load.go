package snapshot

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/bulkheadnode/bulkhead/internal/wording"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// Load fills the second folder with the set of a file and lets the chain go
// on from there. It leaves nothing behind when it fails; an error that comes with
// a block is about the blocks above the set.
func (s *Sets) Load(ctx context.Context, header coins.SetHeader, file *os.File) (base *chain.BlockNode, err error) {
	if !s.loading.CompareAndSwap(false, true) {
		return nil, errAssumedTwice
	}
	defer s.loading.Store(false)
	err = s.owner.Do(ctx, func(state *chainstate.State) error { base, err = s.assumable(state, header); return err })
	if err != nil {
		return nil, err
	}
	from := s.cfg.Params.AssumedAt(header.Block)
	if s.chain.CheckAssumable(base) != nil {
		return nil, wording.Errorf("Population failed: Work does not exceed active chainstate")
	}
	if err := store.Empty(s.LoadedDir()); err != nil {
		return nil, err
	}
	db, err := s.cfg.OpenStore(s.LoadedDir(), s.cfg.Cache)
	if err != nil {
		return nil, errors.Join(err, store.Empty(s.LoadedDir()))
	}
	var moved error
	if err = s.populate(ctx, db, header, from, file); err != nil {
		err = wording.Errorf("Population failed: %w", err)
	} else {
		err = s.owner.Do(ctx, func(state *chainstate.State) error {
			if err := s.assume(state, header, from, db); err != nil {
				return err
			}
			moved = state.Activate() // the set is the chain's whatever comes of that
			return nil
		})
	}
	if err != nil {
		return nil, errors.Join(err, db.Close(), store.Empty(s.LoadedDir()))
	}
	s.BlockStored()
	return base, moved
}

var errAssumedTwice = wording.Errorf("Can't activate a snapshot-based chainstate more than once")

// assumable returns the block of a set if it may be loaded.
func (s *Sets) assumable(state *chainstate.State, header coins.SetHeader) (*chain.BlockNode, error) {
	if s.assumed != nil || s.outlived {
		return nil, errAssumedTwice
	}
	if s.cfg.Params.AssumedAt(header.Block) == nil {
		heights := make([]string, len(s.cfg.Params.Assumed))
		for i, set := range s.cfg.Params.Assumed {
			heights[i] = fmt.Sprint(set.Height)
		}
		return nil, fmt.Errorf("assumeutxo block hash in snapshot metadata not recognized (hash: %s). The following snapshot heights are available: %s",
			header.Block, strings.Join(heights, ", "))
	}
	base := s.chain.Lookup(header.Block)
	switch {
	case base == nil:
		return nil, wording.Errorf("The base block header (%s) must appear in the headers chain. Make sure all headers are syncing, and call loadtxoutset again", header.Block)
	case s.chain.Info(base).Failed:
		return nil, wording.Errorf("The base block header (%s) is part of an invalid chain", header.Block)
	case s.chain.View().BestHeader.Ancestor(base.Height) != base:
		return nil, wording.Errorf("A forked headers-chain with more work than the chain with the snapshot base block header exists. Please proceed to sync without AssumeUtxo.")
	case state.Pool.Figures().Count > 0:
		return nil, wording.Errorf("Can't activate a snapshot when mempool not empty")
	}
	return base, nil
}

// populate reads the coins and compares their hash with the known one.
func (s *Sets) populate(ctx context.Context, db *store.DB, header coins.SetHeader, from *consensus.AssumedSet, file *os.File) error {
	began, logged := time.Now(), uint64(0)
	s.cfg.Log.Info(fmt.Sprintf("[snapshot] loading %d coins from snapshot %s", header.Coins, header.Block))
	err := coins.ReadSet(db, header, from.Height, bufio.NewReaderSize(file, 1<<20), func(read uint64) error {
		if percent := read * 100 / header.Coins; percent > logged {
			logged = percent
			s.cfg.Log.Info(fmt.Sprintf("[snapshot] %d coins loaded (%d%%)", read, percent))
		}
		return context.Cause(ctx)
	})
	if err != nil {
		return err
	}
	s.cfg.Log.Info(fmt.Sprintf("[snapshot] loaded %d coins from snapshot %s in %.2fs", header.Coins, header.Block, time.Since(began).Seconds()))
	snapshot := db.Snapshot()
	defer snapshot.Close()
	stats, err := coins.ReadStats(snapshot, coins.HashSerialized3, func() error { return context.Cause(ctx) })
	switch {
	case err != nil:
		return err
	case stats.Hash != from.Serialized:
		return wording.Errorf("Bad snapshot content hash: expected %s, got %s", from.Serialized, stats.Hash)
	case uint64(stats.Outputs) != header.Coins: // some were there twice
		return wording.Errorf("Mismatch in coins count in snapshot metadata and actual snapshot data")
	}
	return nil
}

// assume makes the set in the second folder the chain's.
func (s *Sets) assume(state *chainstate.State, header coins.SetHeader, from *consensus.AssumedSet, db *store.DB) error {
	base, err := s.assumable(state, header)
	if err != nil {
		return err
	}
	if s.chain.CheckAssumable(base) != nil {
		return fmt.Errorf("work does not exceed active chainstate")
	}
	// The header has to be known when the set is found at the next start.
	if err := state.Flush(); err != nil {
		return err
	}
	if err := s.writeBase(base.Hash); err != nil {
		return fmt.Errorf("could not write base blockhash: %w", err)
	}
	verified := s.coins
	if err := state.Chain.Assume(from, db, state.Now()); err != nil {
		return err
	}
	s.assumed = &assumedSet{AssumedSet: from, verified: verified}
	s.mu.Lock()
	s.coins = db
	s.mu.Unlock()
	s.cfg.Log.Info(fmt.Sprintf("[snapshot] successfully activated snapshot %s", base.Hash))
	return nil
}
