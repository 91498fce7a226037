package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/node/blockfile"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/index"
	"github.com/bulkheadnode/bulkhead/node/snapshot"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// keyReindexing is in the index while that is being made anew, so that a node
// that was stopped meanwhile goes on with it.
var keyReindexing = []byte("R")

// wayOut tells what helps against damaged files.
const wayOut = "Please restart with -reindex or -reindex-chainstate to recover."

// ErrDamaged is the kind of errors about files that are not as they were
// written, whose texts tell the way out.
var ErrDamaged = errors.New("damaged files")

// damageError is an error about files in the words for users.
type damageError struct {
	text  string
	cause error
}

func (e *damageError) Error() string { return e.text }

// Unwrap returns ErrDamaged and the cause.
func (e *damageError) Unwrap() []error { return []error{ErrDamaged, e.cause} }

// isDamage tells whether an error is about what is on disk not being what was
// written there.
func isDamage(err error) bool {
	var record *blockfile.RecordError
	for _, kind := range []error{store.ErrCorrupt, chain.ErrIndex, chain.ErrFuture, chain.ErrVerify, chain.ErrUndo, chain.ErrDamaged, chain.ErrPrunedFork, coins.ErrCorrupt, index.ErrCorrupt, blockfile.ErrMisfit} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return errors.As(err, &record) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// openOrReindex opens everything. Damage is named together with what helps
// against it, unless the node may help itself.
func (n *node) openOrReindex() error {
	err := n.open()
	if err != nil && isDamage(err) && n.cfg.ReindexOnDamage && !n.cfg.Reindex {
		n.log.Error(fmt.Sprintf("%v: making the index anew", err))
		if err = n.close(); err == nil {
			n.cfg.Reindex = true
			err = n.open()
		}
	}
	if err == nil {
		return nil
	}
	err = errors.Join(n.damage(err), n.close())
	return err
}

func (n *node) damage(err error) error {
	if !isDamage(err) {
		return err
	}
	n.log.Error(n.whereabouts(err) + err.Error())
	text := fmt.Sprintf("Error opening block database: %v", err)
	switch {
	case errors.Is(err, chain.ErrVerify):
		text = "Corrupted block database detected"
	case errors.Is(err, chain.ErrFuture):
		text = chain.ErrFuture.Error()
	case errors.Is(err, chain.ErrIndex):
		text = "Error initializing block database"
	}
	return part.Final(&damageError{text + ".\n" + wayOut, err})
}

// whereabouts names the database that an error is about which does not do so
// itself.
func (n *node) whereabouts(err error) string {
	switch {
	case errors.Is(err, chain.ErrIndex):
		return n.indexDir() + " is corrupt, or lacks what other files refer to: "
	case errors.Is(err, coins.ErrCorrupt):
		return n.sets.Dir() + " is corrupt: "
	}
	return ""
}

func (n *node) blocksDir() string { return filepath.Join(n.cfg.BlocksDir, "blocks") }

func (n *node) indexDir() string { return filepath.Join(n.cfg.Dir, "blocks", "index") }

// wipe deletes what -reindex and -reindex-chainstate make anew: first the
// coins, since an index without coins says what is the matter.
func (n *node) wipe() error {
	if !n.cfg.Reindex && !n.cfg.ReindexChainstate {
		return nil
	}
	if err := n.sets.Wipe(); err != nil || !n.cfg.Reindex {
		return err
	}
	n.log.Info("Wiping " + n.indexDir())
	if err := store.Remove(n.indexDir()); err != nil {
		return err
	}
	if n.cfg.pruning() {
		return blockfile.RemoveUnconnected(n.blocksDir())
	}
	return blockfile.RemoveUndo(n.blocksDir())
}

// indexFolders returns what may be folders of the indexes' databases.
func (n *node) indexFolders() (dirs []string) {
	for _, pattern := range []string{"*", filepath.Join("*", "*")} {
		// The pattern is a valid one.
		found, _ := filepath.Glob(filepath.Join(n.cfg.Dir, "indexes", pattern))
		for _, path := range found {
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				dirs = append(dirs, path)
			}
		}
	}
	return dirs
}

// lastGasp is how long a node that was killed may take to be gone.
const lastGasp = 10 * time.Second

// awaitPredecessor waits until nobody has our databases open. That can only be
// a node whose supervisor was killed a moment ago and which is about to follow:
// the supervisors exclude each other.
func (n *node) awaitPredecessor() error {
	deadline, tick := time.Now().Add(lastGasp), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for {
		err := errors.Join(store.Locked(n.indexDir()), store.Locked(n.sets.Dir()))
		for _, dir := range n.indexFolders() {
			err = errors.Join(err, store.Locked(dir))
		}
		if !errors.Is(err, store.ErrLocked) || time.Now().After(deadline) {
			return err
		}
		<-tick.C
	}
}

func (n *node) openDisk() error {
	n.sets = snapshot.New(snapshot.Config{
		Dir: n.cfg.Dir, Params: n.params, Pruning: n.cfg.pruning(), Cache: n.cfg.databaseCache(), OpenStore: n.openStore, Log: n.log,
	})
	if err := n.awaitPredecessor(); err != nil {
		return err
	}
	if err := n.wipe(); err != nil {
		return err
	}
	if n.cfg.Reindex {
		if err := blockfile.MendKey(n.blocksDir(), uint32(n.params.Net)); err != nil {
			return err
		}
	}
	cfg := blockfile.Config{Dir: n.blocksDir(), Magic: uint32(n.params.Net), XOR: n.cfg.BlocksXOR}
	if n.cfg.FastPrune {
		cfg.MaxFile = 64 << 10
	}
	if _, err := rand.Read(cfg.Fresh[:]); err != nil {
		return err
	}
	var err error
	if n.blocks, err = blockfile.Open(cfg); err != nil {
		return err
	}
	if n.index, err = n.openStore(n.indexDir(), n.cfg.databaseCache()/8); err != nil {
		return err
	}
	if err := n.sets.Open(); err != nil {
		return err
	}
	return n.beginReindex()
}

// databaseCache is how much memory the databases may use: a quarter of what is
// for coins.
func (c *Config) databaseCache() int64 { return max(c.CacheMiB, 4) << 20 / 4 }

// openStore opens a database. All of it is read to find damage, which may take
// a while.
func (n *node) openStore(dir string, cache int64) (*store.DB, error) {
	began := time.Now()
	n.log.Info("Opening " + dir)
	db, err := store.Open(store.Config{Dir: dir, Cache: cache, Logger: n.log.With("cat", "coindb")})
	if err == nil {
		n.log.Info(fmt.Sprintf("Opened %s successfully, its checksums are right (%dms)", dir, time.Since(began).Milliseconds()))
	}
	return db, err
}

// beginReindex finds out whether the index is to be made from the block files:
// because the user says so, because that was not finished, or because there
// are block files but no index yet, such as those of another node.
func (n *node) beginReindex() error {
	value, err := n.index.Get(keyReindexing)
	if err != nil {
		return err
	}
	n.reindexing = n.cfg.Reindex || value != nil
	if !n.reindexing && n.blocks.DiskSize() > 0 {
		if n.reindexing = n.index.Empty() && n.sets.Coins().Empty(); n.reindexing {
			n.log.Info("The block files of " + n.blocksDir() + " are not indexed yet")
		}
	}
	if !n.reindexing {
		return n.blocks.CheckKey()
	}
	if value != nil {
		return nil
	}
	err = n.index.Write(func(w store.Writer) error { return w.Put(keyReindexing, []byte{1}) })
	return errors.Join(err, n.index.Sync())
}

// checkLast looks through the last blocks, as -checkblocks and -checklevel say.
func (n *node) checkLast() error {
	if tip := n.owner.Chain().View().Tip(); tip.Height > 0 && tip.Time > n.now()+consensus.MaxFutureSeconds {
		return chain.ErrFuture
	}
	if n.cfg.CheckBlocks < 0 || n.reindexing || n.cfg.ReindexChainstate || n.owner.Chain().View().Height() == 0 {
		return nil
	}
	n.log.Info("Verifying blocks…")
	err := n.owner.Do(context.Background(), func(s *chainstate.State) error {
		_, err := s.Verify(n.cfg.CheckLevel, n.cfg.CheckBlocks)
		return err
	})
	if errors.Is(err, chain.ErrVerifyPruned) {
		return nil
	}
	return err
}
