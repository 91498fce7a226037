package node

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/bulkheadnode/bulkhead/node/fees"
	"github.com/bulkheadnode/bulkhead/node/poolfile"
	"github.com/bulkheadnode/bulkhead/node/snapshot"
)

// Prepare makes the folders that a process with this configuration works in, and gives
// them their names. It is for who starts the process, which may open nothing else: see
// snapshot.Arrange. It waits for a node to end that has them open.
func Prepare(cfg Config, log *slog.Logger) error {
	d := disk{cfg: &cfg, log: log, sets: snapshot.New(snapshot.Config{Dir: cfg.Dir, Log: log})}
	if err := d.awaitPredecessor(); err != nil {
		return err
	}
	for _, dir := range cfg.own() {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if !cfg.BlocksOnly {
		fees.Migrate(cfg.Dir, log)
	}
	return snapshot.Arrange(cfg.Dir, log)
}

// Tidy removes the folders of Prepare that an ended process did not need.
func Tidy(cfg Config) {
	snapshot.Tidy(cfg.Dir)
	snapshot.RemoveEmpty(filepath.Join(cfg.Dir, "indexes"))
}

// Files are what a process with this configuration works with: folders whose content is
// its own, and files that it reads.
func (c Config) Files() (own, read []string) {
	read = append(slices.Clone(c.LoadBlock), filepath.Join(c.Dir, poolfile.Name), fees.PolicyPath(c.Dir), fees.WindowPath(c.Dir))
	return append(c.own(), snapshot.Folders(c.Dir)...), read
}

// poolJournal is the path of the mempool's journal.
func (c Config) poolJournal() string { return filepath.Join(c.Dir, "indexes", "mempool.log") }

// keptJournal is the one that is to be written, "" for none.
func (c Config) keptJournal() string {
	if !c.PersistMempool {
		return ""
	}
	return c.poolJournal()
}

// MempoolSaved tells that the mempool of a node that has ended is in mempool.dat: what it
// had for the case of its death is not needed.
func MempoolSaved(cfg Config) error { return poolfile.Forget(cfg.poolJournal()) }

// own are the folders beside those of the UTXO sets.
func (c Config) own() []string {
	return []string{filepath.Join(c.BlocksDir, "blocks"), filepath.Join(c.Dir, "blocks"), filepath.Join(c.Dir, "indexes")}
}
