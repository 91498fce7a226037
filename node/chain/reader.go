package chain

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/blockfile"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Reader shows the chain. All of its methods may be called from anywhere at any
// time, and wait for no block.
type Reader struct {
	params      *consensus.Params
	tree        *tree
	blocks      BlockFiles
	cache       int64 // bytes of coins in memory before they are flushed
	view        atomic.Pointer[View]
	background  atomic.Pointer[Background]
	uncommitted uncommitted // what the UTXO set is ahead of view
}

// Refused returns the block with the most work of those that were refused, with what is
// on top of such; nil if there is none.
func (r *Reader) Refused() *BlockNode { return r.tree.refused.Load() }

// View returns the best chain of this moment.
func (r *Reader) View() *View { return r.view.Load() }

// Lookup returns the node of a hash, nil if the header is unknown.
func (r *Reader) Lookup(hash chainhash.Hash) *BlockNode { return r.tree.lookup(hash) }

// Info returns what may change about a node.
func (r *Reader) Info(n *BlockNode) Info { return r.tree.info(n) }

// Each calls fn for all headers, in no order. fn must be quick and must not
// call the engine.
func (r *Reader) Each(fn func(*BlockNode)) { r.tree.each(fn) }

// Coins returns the UTXO set.
func (r *Reader) Coins() *coins.Cache { return r.View().coins }

// Params returns the rules of the chain.
func (r *Reader) Params() *consensus.Params { return r.params }

// ReadRaw returns a block's bytes.
func (r *Reader) ReadRaw(n *BlockNode) ([]byte, error) {
	r.tree.mu.RLock()
	pos, have := n.block, n.status&haveBlock != 0
	r.tree.mu.RUnlock()
	if !have {
		return nil, fmt.Errorf("%w: %s", ErrNoBlock, n.Hash)
	}
	return r.blocks.ReadBlock(pos)
}

// ReadBlock returns a parsed block.
func (r *Reader) ReadBlock(n *BlockNode) (*consensus.Block, error) {
	raw, err := r.ReadRaw(n)
	var misplaced *blockfile.RecordError
	if errors.As(err, &misplaced) || errors.Is(err, io.EOF) {
		return nil, &DamageError{n, r.position(n), err}
	}
	if err != nil {
		return nil, err
	}
	block, err := consensus.ParseBlock(raw)
	if err == nil && block.Hash != n.Hash {
		err = fmt.Errorf("it holds %s", block.Hash)
	}
	if err == nil {
		err = checkContent(block)
	}
	if err != nil {
		return nil, &DamageError{n, r.position(n), err}
	}
	return block, nil
}

func (r *Reader) position(n *BlockNode) blockfile.Pos {
	r.tree.mu.RLock()
	defer r.tree.mu.RUnlock()
	return n.block
}

// ReadUndo returns what a block spent.
func (r *Reader) ReadUndo(n *BlockNode) (coins.Undo, error) {
	r.tree.mu.RLock()
	pos := blockfile.Pos{File: n.block.File, Offset: n.undo}
	have := n.status&haveUndo != 0
	r.tree.mu.RUnlock()
	if !have {
		return nil, fmt.Errorf("%w: undo data of %s", ErrNoBlock, n.Hash)
	}
	raw, err := r.blocks.ReadUndo(pos, *n.prevHash())
	if err != nil {
		return nil, err
	}
	return coins.DecodeUndo(raw)
}
