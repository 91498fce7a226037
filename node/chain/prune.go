package chain

import (
	"fmt"
	"maps"
	"slices"
)

// MinBlocksToKeep is how many blocks at the tip are never pruned (BIP159).
const MinBlocksToKeep = 288

// Room that is left below the target of pruning for what is written until it
// is looked at again.
const (
	pruneBlockRoom = 16 << 20
	pruneUndoRoom  = 1 << 20
)

// Pruned tells that block files were deleted.
type Pruned struct {
	Files  []int32
	Height int32 // nothing above it was touched
}

func (Pruned) event() {}

// PruneTo deletes the files whose blocks are all at height or below, as far
// as they are not needed for reorganisations, and returns the height below
// which that was possible.
func (e *storage) PruneTo(height int32) (int32, error) {
	height = min(height, e.pruneLimit())
	var files []int32
	for _, num := range slices.Sorted(maps.Keys(e.files)) {
		if e.mayPrune(num, height) {
			files = append(files, num)
		}
	}
	if err := e.Flush(); err != nil {
		return height, err
	}
	return height, e.deleteFiles(files, height)
}

// pruneLimit is the highest block that may be pruned.
func (e *storage) pruneLimit() int32 {
	limit := e.current.Height() - MinBlocksToKeep
	if e.cfg.PruneLock != nil {
		limit = min(limit, e.cfg.PruneLock())
	}
	return limit
}

func (e *storage) mayPrune(num, height int32) bool {
	file := e.files[num]
	if h := e.Background(); h != nil && file.first <= h.base.Height {
		height = min(height, h.View().Height()-MinBlocksToKeep)
	}
	return num != e.cfg.Blocks.End().File && file.last <= height
}

// pruneIfLarge deletes the lowest files until all are smaller than the target.
// It looks every pruneBlockRoom bytes. What is not durable yet stays until the
// flush that it begins has ended.
func (e *storage) pruneIfLarge() error {
	if !e.pruneDue() {
		return nil
	}
	total, limit := e.cfg.Blocks.DiskSize()+pruneBlockRoom+pruneUndoRoom, e.pruneLimit()
	var files []int32
	for _, num := range slices.Sorted(maps.Keys(e.files)) {
		if total <= e.cfg.PruneTarget {
			break
		}
		if e.mayPrune(num, limit) {
			files = append(files, num)
			total -= e.cfg.Blocks.FileSize(num)
		}
	}
	if !e.mayDelete(files) {
		return e.BeginFlush()
	}
	if err := e.deleteFiles(files, limit); err != nil {
		return err
	}
	e.prunedSize = e.cfg.Blocks.DiskSize()
	return nil
}

// pruneDue reports whether as much was written since the last look as room was
// left for, and no flush is under way.
func (e *storage) pruneDue() bool {
	return e.cfg.PruneTarget > 0 && e.writing == nil && e.current.Height() > e.params.PruneAfterHeight &&
		e.cfg.Blocks.DiskSize() >= e.prunedSize+pruneBlockRoom
}

// mayDelete reports whether no start has to repeat a block of the files.
func (e *storage) mayDelete(files []int32) bool {
	sure, h := e.current.Fork(e.durable).Height, e.Background()
	return !slices.ContainsFunc(files, func(num int32) bool {
		file := e.files[num]
		past := h != nil && file.first <= h.base.Height
		return file.last > sure || past && file.last > h.View().Fork(h.durable).Height
	})
}

// deleteFiles forgets what is in the files before it deletes them. What they
// were for is durable.
func (e *storage) deleteFiles(files []int32, height int32) error {
	if len(files) == 0 {
		return nil
	}
	doomed := map[int32]struct{}{}
	for _, num := range files {
		doomed[num] = struct{}{}
		delete(e.files, num)
	}
	e.tree.mu.Lock()
	for _, n := range e.tree.nodes {
		if _, gone := doomed[n.block.File]; gone && n.status&haveBlock != 0 {
			n.status &^= haveBlock | haveUndo
			e.tree.dirty[n] = struct{}{}
			e.recent.take(n)
			delete(e.candidates, n)
		}
	}
	e.tree.mu.Unlock()
	if err := e.tree.save(e.cfg.Index); err != nil {
		return err
	}
	for _, num := range files {
		if err := e.cfg.Blocks.Remove(num); err != nil {
			return fmt.Errorf("prune file %d: %w", num, err)
		}
	}
	e.emit(Pruned{files, height})
	return nil
}

// removeForgotten deletes files that nothing refers to: those that were to be
// deleted when the process died.
func (e *storage) removeForgotten() error {
	for _, num := range e.cfg.Blocks.Files() {
		if e.files[num] == nil && num < e.cfg.Blocks.End().File {
			if err := e.cfg.Blocks.Remove(num); err != nil {
				return err
			}
		}
	}
	return nil
}

// FirstStored returns the lowest block of a chain from which on all blocks, and
// undo data above genesis, are there.
func (r *Reader) FirstStored(in *View) *BlockNode {
	n := in.Tip()
	r.tree.mu.RLock()
	defer r.tree.mu.RUnlock()
	complete := func(n *BlockNode) bool {
		return n.status&haveBlock != 0 && (n.status&haveUndo != 0 || n.Parent == nil)
	}
	for n.Parent != nil && complete(n.Parent) {
		n = n.Parent
	}
	return n
}

// IsPruned reports whether a block was there once and is not any more.
func (r *Reader) IsPruned(n *BlockNode) bool {
	info := r.Info(n)
	return !info.HaveBlock && info.TxCount > 0
}
