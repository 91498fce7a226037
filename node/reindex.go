package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/blockfile"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// reindex makes the index from the block files, if that is to be done. The
// blocks are connected afterwards, when it is known which of them matter.
func (n *node) reindex(ctx context.Context) error {
	if !n.reindexing {
		return nil
	}
	began := time.Now()
	i := &importer{n: n, early: map[chainhash.Hash][]earlyBlock{}, place: n.placeStored}
	files := n.blocks.Files()
	for done, num := range files {
		n.log.Info(fmt.Sprintf("Reindexing block file blk%05d.dat (%d%% complete)...", num, done*100/len(files)))
		if err := i.runStored(ctx, num); err != nil {
			return err
		}
	}
	if err := n.owner.Do(ctx, n.endReindex); err != nil {
		return err
	}
	n.log.Info(fmt.Sprintf("Loaded %d blocks from block files in %dms", i.loaded, time.Since(began).Milliseconds()))
	n.log.Info("Reindexing finished")
	return nil
}

// runStored takes the blocks of one of our files.
func (i *importer) runStored(ctx context.Context, num int32) error {
	blocks, closeFile, err := i.n.blocks.OpenFile(num)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // undo data only
	}
	if err != nil {
		return err
	}
	i.file = num
	return errors.Join(i.run(ctx, blocks), closeFile())
}

// endReindex makes durable that the index is complete.
func (n *node) endReindex(s *chainstate.State) error {
	if err := s.Chain.EndStored(); err != nil {
		return err
	}
	if err := s.Flush(); err != nil {
		return err
	}
	n.reindexing = false
	err := n.index.Write(func(w store.Writer) error { return w.Delete(keyReindexing) })
	return errors.Join(err, n.index.Sync())
}

// placeStored adds a block of a file to the index.
func (n *node) placeStored(ctx context.Context, block *consensus.Block, pos blockfile.Pos) (isNew bool, err error) {
	// The costly part needs no owner. Its verdict is told below.
	var reject *consensus.Reject
	if err := consensus.CheckBlock(block, n.params); err != nil && !errors.As(err, &reject) {
		return false, err
	}
	err = n.owner.Do(ctx, func(s *chainstate.State) error {
		_, isNew, err = s.Chain.AcceptStored(block, pos, s.Now())
		return err
	})
	if errors.As(err, &reject) {
		n.log.Error(fmt.Sprintf("blk%05d.dat at offset %d: block %s: %s", pos.File, pos.Offset, block.Hash, reject.Error()))
		return false, nil
	}
	return isNew, n.owner.Vital(err)
}
