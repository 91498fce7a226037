package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/blockfile"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// maxEarly bounds the bytes of blocks of an imported file that came before
// their parents.
const maxEarly = 64 << 20

// importFiles imports what -loadblock names. A file that is not there is
// logged, not fatal.
func (n *node) importFiles(ctx context.Context) error {
	for _, path := range n.cfg.LoadBlock {
		n.log.Info(fmt.Sprintf("Importing blocks file %s...", path))
		blocks, closeFile, err := blockfile.OpenLoose(path, uint32(n.params.Net))
		if err != nil {
			n.log.Warn(fmt.Sprintf("Warning: Could not open blocks file %s", path))
			continue
		}
		i := &importer{n: n, early: map[chainhash.Hash][]earlyBlock{}, keep: true, place: n.placeLoose}
		began := time.Now()
		err = errors.Join(i.run(ctx, blocks), closeFile())
		if err != nil {
			return err
		}
		n.log.Info(fmt.Sprintf("Loaded %d blocks from external file in %dms", i.loaded, time.Since(began).Milliseconds()))
	}
	return nil
}

// placeLoose accepts a block that is in none of our files.
func (n *node) placeLoose(ctx context.Context, block *consensus.Block, _ blockfile.Pos) (isNew bool, err error) {
	if block.Hash == *n.params.GenesisHash {
		return false, nil
	}
	verdict, err := n.owner.ProcessBlock(ctx, block, true)
	return verdict.New && verdict.Reject == nil, err
}

// importer takes blocks from files in any order.
type importer struct {
	n      *node
	place  func(context.Context, *consensus.Block, blockfile.Pos) (isNew bool, err error)
	keep   bool                            // early blocks in memory: they cannot be read by position
	file   int32                           // being read
	early  map[chainhash.Hash][]earlyBlock // by the missing parent
	bytes  int
	loaded int
}

// earlyBlock is a block that came before its parent.
type earlyBlock struct {
	block *consensus.Block // nil if it is to be read again
	pos   blockfile.Pos
}

func (i *importer) run(ctx context.Context, blocks *blockfile.Scanner) error {
	for ctx.Err() == nil {
		raw, offset, err := blocks.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading blocks: %w", err)
		}
		block, err := consensus.ParseBlock(bytes.Clone(raw))
		if err != nil {
			blocks.Reject()
			continue
		}
		if err := i.take(ctx, block, blockfile.Pos{File: i.file, Offset: uint32(offset)}); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// take places a block, or keeps it until its parent has come.
func (i *importer) take(ctx context.Context, block *consensus.Block, pos blockfile.Pos) error {
	if block.Hash != *i.n.params.GenesisHash && i.n.owner.Chain().Lookup(block.Header.PrevBlock) == nil {
		i.n.log.With("cat", "reindex").Debug(fmt.Sprintf("LoadExternalBlockFile: Out of order block %s, parent %s not known", block.Hash, block.Header.PrevBlock))
		i.putOff(block, pos)
		return nil
	}
	for queue := []earlyBlock{{block, pos}}; len(queue) > 0; queue = queue[1:] {
		block, err := i.load(queue[0])
		if err != nil {
			return err
		}
		isNew, err := i.place(ctx, block, queue[0].pos)
		if err != nil {
			return err
		}
		if isNew {
			i.loaded++
		}
		queue = append(queue, i.children(block.Hash)...)
	}
	return nil
}

func (i *importer) putOff(block *consensus.Block, pos blockfile.Pos) {
	parent := block.Header.PrevBlock
	if !i.keep {
		i.early[parent] = append(i.early[parent], earlyBlock{pos: pos})
		return
	}
	if i.bytes+len(block.Raw) <= maxEarly {
		i.bytes += len(block.Raw)
		i.early[parent] = append(i.early[parent], earlyBlock{block, pos})
	}
}

func (i *importer) load(e earlyBlock) (*consensus.Block, error) {
	if e.block != nil {
		return e.block, nil
	}
	raw, err := i.n.blocks.ReadBlock(e.pos)
	if err != nil {
		return nil, err
	}
	return consensus.ParseBlock(raw)
}

// children takes out the blocks that waited for their parent.
func (i *importer) children(parent chainhash.Hash) []earlyBlock {
	waiting := i.early[parent]
	delete(i.early, parent)
	for _, e := range waiting {
		i.n.log.With("cat", "reindex").Debug(fmt.Sprintf("LoadExternalBlockFile: Processing out of order child of %s", parent))
		if e.block != nil {
			i.bytes -= len(e.block.Raw)
		}
	}
	return waiting
}
