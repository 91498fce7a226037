package node

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/bulkheadnode/bulkhead/node/blockfile"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/snapshot"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// keyReindexing is in the index while that is being made anew, so that a node
// that was stopped meanwhile goes on with it.
var keyReindexing = []byte("R")

// disk is the node's files and databases.
type disk struct {
	cfg    *Config
	params *consensus.Params
	log    *slog.Logger

	blocks *blockfile.Store
	index  *store.DB
	sets   *snapshot.Sets

	reindexing bool // the index is being made anew from the block files
}

func (d *disk) blocksDir() string { return filepath.Join(d.cfg.BlocksDir, "blocks") }

func (d *disk) indexDir() string { return filepath.Join(d.cfg.Dir, "blocks", "index") }

// wipe deletes what -reindex and -reindex-chainstate make anew: first the
// coins, since an index without coins says what is the matter.
func (d *disk) wipe() error {
	if !d.cfg.Reindex && !d.cfg.ReindexChainstate {
		return nil
	}
	if err := d.sets.Wipe(); err != nil || !d.cfg.Reindex {
		return err
	}
	d.log.Info("Wiping " + d.indexDir())
	if err := store.Remove(d.indexDir()); err != nil {
		return err
	}
	if d.cfg.pruning() {
		return blockfile.RemoveUnconnected(d.blocksDir())
	}
	return blockfile.RemoveUndo(d.blocksDir())
}

// indexFolders returns what may be folders of the indexes' databases.
func (d *disk) indexFolders() (dirs []string) {
	for _, pattern := range []string{"*", filepath.Join("*", "*")} {
		// The pattern is a valid one.
		found, _ := filepath.Glob(filepath.Join(d.cfg.Dir, "indexes", pattern))
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
func (d *disk) awaitPredecessor() error {
	deadline, tick := time.Now().Add(lastGasp), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for {
		err := errors.Join(store.Locked(d.indexDir()), store.Locked(d.sets.Dir()))
		for _, dir := range d.indexFolders() {
			err = errors.Join(err, store.Locked(dir))
		}
		if !errors.Is(err, store.ErrLocked) || time.Now().After(deadline) {
			return err
		}
		<-tick.C
	}
}

// open opens files and databases. close them even if it fails.
func (d *disk) open() error {
	d.sets = snapshot.New(snapshot.Config{
		Dir: d.cfg.Dir, Params: d.params, Pruning: d.cfg.pruning(), Cache: d.cfg.databaseCache(), OpenStore: d.openStore, Log: d.log,
	})
	if err := d.awaitPredecessor(); err != nil {
		return err
	}
	if err := d.wipe(); err != nil {
		return err
	}
	if d.cfg.Reindex {
		if err := blockfile.MendKey(d.blocksDir(), uint32(d.params.Net)); err != nil {
			return err
		}
	}
	cfg := blockfile.Config{Dir: d.blocksDir(), Magic: uint32(d.params.Net), XOR: d.cfg.BlocksXOR}
	if d.cfg.FastPrune {
		cfg.MaxFile = 64 << 10
	}
	if _, err := rand.Read(cfg.Fresh[:]); err != nil {
		return err
	}
	var err error
	if d.blocks, err = blockfile.Open(cfg); err != nil {
		return err
	}
	if d.index, err = d.openStore(d.indexDir(), d.cfg.databaseCache()/8); err != nil {
		return err
	}
	if err := d.sets.Open(); err != nil {
		return err
	}
	return d.beginReindex()
}

// databaseCache is how much memory the databases may use: a quarter of what is
// for coins.
func (c *Config) databaseCache() int64 { return max(c.CacheMiB, 4) << 20 / 4 }

// openStore opens a database. All of it is read to find damage, which may take
// a while.
func (d *disk) openStore(dir string, cache int64) (*store.DB, error) {
	began := time.Now()
	d.log.Info("Opening " + dir)
	db, err := store.Open(store.Config{Dir: dir, Cache: cache, Logger: d.log.With("cat", "coindb")})
	if err == nil {
		d.log.Info(fmt.Sprintf("Opened %s successfully, its checksums are right (%dms)", dir, time.Since(began).Milliseconds()))
	}
	return db, err
}

// beginReindex finds out whether the index is to be made from the block files:
// because the user says so, because that was not finished, or because there
// are block files but no index yet, such as those of another node.
func (d *disk) beginReindex() error {
	value, err := d.index.Get(keyReindexing)
	if err != nil {
		return err
	}
	d.reindexing = d.cfg.Reindex || value != nil
	if !d.reindexing && d.blocks.DiskSize() > 0 {
		if d.reindexing = d.index.Empty() && d.sets.Coins().Empty(); d.reindexing {
			d.log.Info("The block files of " + d.blocksDir() + " are not indexed yet")
		}
	}
	if !d.reindexing {
		return d.blocks.CheckKey()
	}
	if value != nil {
		return nil
	}
	err = d.index.Write(func(w store.Writer) error { return w.Put(keyReindexing, []byte{1}) })
	return errors.Join(err, d.index.Sync())
}

// close closes what open has opened.
func (d *disk) close() error {
	var err error
	if d.blocks != nil {
		err = d.blocks.Close()
	}
	if d.index != nil {
		err = errors.Join(err, d.index.Close())
	}
	if d.sets != nil {
		err = errors.Join(err, d.sets.Close())
	}
	return err
}
