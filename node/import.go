package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

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
		err = (&importer{n: n, early: map[chainhash.Hash][]*consensus.Block{}}).run(ctx, blocks)
		if err = errors.Join(err, closeFile()); err != nil {
			return err
		}
	}
	return nil
}

// importer takes blocks from a file in any order.
type importer struct {
	n      *node
	early  map[chainhash.Hash][]*consensus.Block // by the missing parent
	bytes  int
	loaded int
}

func (i *importer) run(ctx context.Context, blocks *blockfile.Scanner) error {
	for ctx.Err() == nil {
		raw, _, err := blocks.Next()
		if errors.Is(err, io.EOF) {
			i.n.log.Info(fmt.Sprintf("Loaded %d blocks from external file", i.loaded))
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
		if err := i.take(ctx, block); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// take accepts a block, or keeps it until its parent has come.
func (i *importer) take(ctx context.Context, block *consensus.Block) error {
	if block.Hash == *i.n.params.GenesisHash {
		return nil
	}
	if i.n.engine.Lookup(block.Header.PrevBlock) == nil {
		i.n.log.With("cat", "reindex").Debug(fmt.Sprintf("LoadExternalBlockFile: Out of order block %s, parent %s not known", block.Hash, block.Header.PrevBlock))
		if i.bytes += len(block.Raw); i.bytes <= maxEarly {
			i.early[block.Header.PrevBlock] = append(i.early[block.Header.PrevBlock], block)
		}
		return nil
	}
	for queue := []*consensus.Block{block}; len(queue) > 0; queue = queue[1:] {
		verdict, err := i.n.acceptBlock(ctx, queue[0], true)
		if err != nil {
			return err
		}
		if verdict.isNew && verdict.reject == nil {
			i.loaded++
		}
		hash := queue[0].Hash
		for _, child := range i.early[hash] {
			i.bytes -= len(child.Raw)
			queue = append(queue, child)
		}
		delete(i.early, hash)
	}
	return nil
}
