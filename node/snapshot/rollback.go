package snapshot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// rolledBackCache is the bytes of memory of a database for a copy of the UTXO
// set.
const rolledBackCache = 64 << 20

// oldSet is a UTXO set of the past in a database of its own.
type oldSet struct {
	*store.Snapshot
	db  *store.DB
	dir string // "" if it is in memory
}

func (o *oldSet) remove(log *slog.Logger) {
	err := o.db.Close()
	if o.dir != "" {
		err = errors.Join(err, store.Remove(o.dir))
	}
	if err != nil {
		log.Warn(fmt.Sprintf("Failed to clean up temporary UTXO database at %s, please remove it manually: %v", o.dir, err))
	}
}

// rolledBack makes the UTXO set of an earlier block from a copy of the present
// one, of which it is an ancestor. The chain goes on meanwhile.
func (s *Sets) rolledBack(ctx context.Context, d *Dump, from *store.Snapshot, at *chain.BlockNode) (*oldSet, error) {
	if at.Ancestor(d.Target.Height) != d.Target {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Block is not in main chain")
	}
	if s.cfg.Pruning {
		s.dumps.keep(d.Path, d.Target.Height)
		// What was deleting blocks has finished when we own the chain.
		err := s.owner.Do(ctx, func(*chainstate.State) error {
			if s.chain.FirstStored(s.chain.View()).Height > d.Target.Height {
				return rpc.Errorf(rpc.MiscError, "Could not roll back to requested height since necessary block data is already pruned.")
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	old, err := s.newOldSet(d)
	if err != nil {
		return nil, err
	}
	if err := s.fillOldSet(ctx, old, d.Target, from, at); err != nil {
		old.remove(s.cfg.Log)
		return nil, err
	}
	old.Snapshot = old.db.Snapshot()
	return old, nil
}

func (s *Sets) newOldSet(d *Dump) (*oldSet, error) {
	cfg := store.Config{Cache: rolledBackCache, InMemory: d.InMemory, Logger: s.cfg.Log.With("cat", "coindb")}
	if !d.InMemory {
		var err error
		if err = os.MkdirAll(s.rollbackDir(), 0o700); err != nil {
			return nil, err
		}
		if cfg.Dir, err = os.MkdirTemp(s.rollbackDir(), fmt.Sprintf("temp_utxo_%d_*", d.Target.Height)); err != nil {
			return nil, err
		}
	}
	db, err := store.Open(cfg)
	if err != nil && cfg.Dir != "" {
		err = errors.Join(err, store.Remove(cfg.Dir))
	}
	return &oldSet{db: db, dir: cfg.Dir}, err
}

func (s *Sets) fillOldSet(ctx context.Context, old *oldSet, target *chain.BlockNode, from *store.Snapshot, at *chain.BlockNode) error {
	s.cfg.Log.Info("Copying current UTXO set to temporary database.")
	var copied uint64
	err := coins.Copy(old.db, from, func(so uint64) error { copied = so; return context.Cause(ctx) })
	if err != nil {
		return err
	}
	s.cfg.Log.Info(fmt.Sprintf("Copied at least %d coins. Rolling back from height %d to %d", copied, at.Height, target.Height))
	set, _, err := coins.Open(old.db)
	if err != nil {
		return err
	}
	total, logged := at.Height-target.Height, int32(0)
	return s.chain.RollBack(set, at, target, func(left int32) error {
		if percent := int32(int64(total-left) * 100 / int64(total)); percent >= logged+5 {
			logged = percent
			s.cfg.Log.Info(fmt.Sprintf("Rolled back %d%% of blocks.", percent))
		}
		return context.Cause(ctx)
	})
}
