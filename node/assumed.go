package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/internal/durable"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// assumedSet is a UTXO set that was loaded from a file. It is in a folder of its
// own until the blocks that led to it are verified; then that takes the place
// of the other at the next start.
type assumedSet struct {
	*consensus.AssumedSet
	verified *store.DB // the set that our own verification has reached
	refuted  bool      // it is not what the blocks lead to
}

// baseFile is in the folder of a set that is complete and has the right hash,
// and holds the hash of its block. A folder without it is to be deleted.
const baseFile = "base_blockhash"

func (n *node) assumedDir() string { return n.coinsDir() + "_snapshot" }

// outgrownDir is what the folder of the coins is called when one with a verified
// set takes its place.
func (n *node) outgrownDir() string { return n.coinsDir() + "_todelete" }

// openCoins opens the UTXO set, or two of them.
func (n *node) openCoins(cache int64) error {
	if err := n.endReplacement(); err != nil {
		return err
	}
	from, err := n.readBase()
	if err != nil {
		return err
	}
	if n.coins, err = n.openStore(n.coinsDir(), cache); err != nil || from == nil {
		return err
	}
	n.log.Info(fmt.Sprintf("[snapshot] detected active snapshot chainstate (%s) - loading", n.assumedDir()))
	proven, err := n.isProven(from)
	if err != nil {
		return err
	}
	if proven {
		return n.replaceCoins(cache)
	}
	n.assumed = &assumedSet{AssumedSet: from, verified: n.coins}
	n.coins, err = n.openStore(n.assumedDir(), cache)
	return err
}

// readBase returns which set is in the second folder, nil if there is none.
func (n *node) readBase() (*consensus.AssumedSet, error) {
	raw, err := os.ReadFile(filepath.Join(n.assumedDir(), baseFile))
	if errors.Is(err, fs.ErrNotExist) {
		// Loading it was not finished.
		return nil, store.Remove(n.assumedDir())
	}
	if err != nil {
		return nil, err
	}
	hash, err := chainhash.NewHash(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(n.assumedDir(), baseFile), err)
	}
	from := n.params.AssumedAt(*hash)
	if from == nil {
		return nil, wording("A fatal internal error occurred, see debug.log for details: Assumeutxo data not found for the given blockhash '%s'.", hash)
	}
	return from, nil
}

// writeBase makes durable that the set in the second folder counts.
func (n *node) writeBase(hash chainhash.Hash) error {
	path := filepath.Join(n.assumedDir(), baseFile)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(hash[:])
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return errors.Join(durable.Names(n.assumedDir()), durable.Names(n.cfg.Dir))
}

// isProven reports whether our own verification had reached the set's block,
// and found the set there, before the node was stopped.
func (n *node) isProven(from *consensus.AssumedSet) (bool, error) {
	set, heads, err := coins.Open(n.coins)
	if err != nil || heads != nil || set.Best() != from.Block {
		return false, err
	}
	right, err := n.hasHash(context.Background(), n.coins, from)
	if err == nil && !right {
		err = errors.Join(n.coins.Close(), n.setAside())
		n.coins = nil
		return false, errors.Join(wording("UTXO snapshot failed to validate. Restart to resume normal initial block download, or try loading a different snapshot."), err)
	}
	return right, err
}

// hasHash compares a flushed set with what is known of it.
func (n *node) hasHash(ctx context.Context, db *store.DB, from *consensus.AssumedSet) (bool, error) {
	n.log.Info("[snapshot] computing UTXO stats for background chainstate to validate snapshot - this could take a few minutes")
	snapshot := db.Snapshot()
	defer snapshot.Close()
	stats, err := coins.ReadStats(snapshot, coins.HashSerialized3, func() error { return context.Cause(ctx) })
	if err != nil {
		return false, err
	}
	if stats.Hash != from.Serialized {
		n.log.Warn(fmt.Sprintf("[snapshot] hash mismatch: actual=%s, expected=%s", stats.Hash, from.Serialized))
		return false, nil
	}
	n.log.Info(fmt.Sprintf("[snapshot] snapshot beginning at %s has been fully validated", from.Block))
	return true, nil
}

// replaceCoins puts the loaded set, which is proven, in the place of the one
// that proved it.
func (n *node) replaceCoins(cache int64) error {
	n.log.Info("[snapshot] cleaning up unneeded background chainstate, then reinitializing")
	if err := n.coins.Close(); err != nil {
		return err
	}
	n.coins = nil
	if err := os.Rename(n.coinsDir(), n.outgrownDir()); err != nil {
		return err
	}
	if err := n.endReplacement(); err != nil {
		return err
	}
	var err error
	n.coins, err = n.openStore(n.coinsDir(), cache)
	return err
}

// endReplacement does what is left to do after the folder of the coins was
// renamed.
func (n *node) endReplacement() error {
	if _, err := os.Stat(n.outgrownDir()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := os.Stat(n.coinsDir()); errors.Is(err, fs.ErrNotExist) {
		if err := os.Rename(n.assumedDir(), n.coinsDir()); err != nil {
			return err
		}
	}
	if err := os.Remove(filepath.Join(n.coinsDir(), baseFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := durable.Names(n.cfg.Dir); err != nil {
		return err
	}
	return store.Remove(n.outgrownDir())
}

// setAside renames the folder of a set that proved wrong, which is not open any
// more, so that whoever wants to know why may look at it.
func (n *node) setAside() error {
	to := n.assumedDir() + "_INVALID"
	n.log.Info(fmt.Sprintf("[snapshot] renaming snapshot datadir %s to %s", n.assumedDir(), to))
	if err := store.Remove(to); err != nil {
		return err
	}
	return os.Rename(n.assumedDir(), to)
}

// assumption is what the engine has to know of a loaded set.
func (n *node) assumption() *chain.Assumption {
	if n.assumed == nil {
		return nil
	}
	return &chain.Assumption{Set: n.assumed.AssumedSet, Verified: n.assumed.verified}
}
