package node

import (
	"fmt"

	"github.com/bulkheadnode/bulkhead/internal/wording"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// minPruneMiB is the least that -prune may say: 288 blocks with undo data and
// as many stale ones, and room to write.
const minPruneMiB = 550

// keyPruned is in the index from when files were first deleted.
var keyPruned = []byte("P")

// pruning reports whether block files may be deleted.
func (c *Config) pruning() bool { return c.PruneMiB > 0 }

// pruneTarget returns the bytes that block files may take, zero if only
// pruneblockchain deletes any.
func (c *Config) pruneTarget() int64 {
	if c.PruneMiB > 1 {
		return c.PruneMiB << 20
	}
	return 0
}

func (c *Config) validatePruning() error {
	switch {
	case c.PruneMiB < 0:
		return wording.Errorf("Prune cannot be configured with a negative value.")
	case c.PruneMiB > 1 && c.PruneMiB < minPruneMiB:
		return wording.Errorf("Prune configured below the minimum of %d MiB.  Please use a higher number.", minPruneMiB)
	case c.PruneMiB > 0 && c.TxIndex:
		return wording.Errorf("Prune mode is incompatible with -txindex.")
	case c.PruneMiB > 0 && c.SpenderIndex:
		return wording.Errorf("Prune mode is incompatible with -txospenderindex.")
	case c.PruneMiB > 0 && c.ReindexChainstate:
		return wording.Errorf("Prune mode is incompatible with -reindex-chainstate. Use full -reindex instead.")
	}
	return nil
}

func pruneText(target int64) string {
	if target == 0 {
		return "Block pruning enabled.  Use RPC call pruneblockchain(height) to manually prune block and undo files."
	}
	return fmt.Sprintf("Prune configured to target %d MiB on disk for block and undo files.", target>>20)
}

// checkPruned refuses to go on without pruning when files are missing already.
func (n *node) checkPruned() error {
	pruned, err := n.index.Get(keyPruned)
	if err != nil || pruned == nil {
		return err
	}
	n.log.Info("Loading block index: Block files have previously been pruned")
	if n.cfg.pruning() {
		return nil
	}
	return wording.Errorf("You need to rebuild the database using -reindex to go back to unpruned mode.  This will redownload the entire blockchain")
}

// onPruned logs what was deleted, and notes that not all blocks are there.
func (n *node) onPruned(ev chain.Pruned) {
	for _, num := range ev.Files {
		n.log.With("cat", "prune").Debug(fmt.Sprintf("UnlinkPrunedFiles: deleted blk/rev (%05d)", num))
	}
	n.log.Info(fmt.Sprintf("Pruned %d block files, nothing above height %d", len(ev.Files), ev.Height))
	err := n.index.Write(func(w store.Writer) error { return w.Put(keyPruned, []byte{1}) })
	_ = n.owner.Vital(err)
}
