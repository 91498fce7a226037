package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// Kind is the stable name of a sort of failure.
type Kind string

func (k Kind) Error() string { return string(k) }

// ErrCorrupt means that a database does not hold what was written into it.
const ErrCorrupt Kind = "index: corrupt entry"

// Chain is what an index follows.
type Chain interface {
	View() *chain.View
	Lookup(hash chainhash.Hash) *chain.BlockNode
	ReadRaw(at *chain.BlockNode) ([]byte, error)
	ReadBlock(at *chain.BlockNode) (*consensus.Block, error)
	ReadUndo(at *chain.BlockNode) (coins.Undo, error)
}

// Store is an index's database.
type Store interface {
	Get(key []byte) ([]byte, error)
	Each(prefix []byte, fn func(key, value []byte) error) error
	Write(fill func(store.Writer) error) error
}

// farBehind is how many blocks an index may lag and still count as synced: it
// will have caught up before anybody minds.
const farBehind = 1000

// The first bytes of keys. Numbers in keys are big-endian, so that blocks and
// places come in the order of the chain.
const (
	keyPosition = 'P' // -> height, hash
	keyBlock    = 'b' // height, hash -> what the index keeps of a block
	keyPlace    = 't' // see place
	keySalt     = 'S'
)

// connected is a block with what it spent.
type connected struct {
	*consensus.Block
	node  *chain.BlockNode
	spent coins.Undo // empty if the index has no use for it
}

// keeper decides what an index keeps.
type keeper interface {
	// keep returns what to file under the block, nil for no more than its
	// having been there, and may write other entries.
	keep(to store.Writer, b *connected) ([]byte, error)
	needsSpent() bool
}

// Index follows the chain. The types that answer questions contain it.
type Index struct {
	name   string
	chain  Chain
	db     Store
	keeper keeper
	at     atomic.Pointer[chain.BlockNode] // the position, nil before genesis
	synced atomic.Bool
}

// open finds the position.
func (x *Index) open() error {
	at, err := x.loadPosition()
	x.at.Store(at)
	x.synced.Store(err == nil && x.Next() == nil)
	return err
}

func (x *Index) loadPosition() (*chain.BlockNode, error) {
	raw, err := x.db.Get([]byte{keyPosition})
	if raw == nil || err != nil {
		return nil, err
	}
	height, hash, err := splitBlockKey(raw)
	if err != nil {
		return nil, err
	}
	if at := x.chain.Lookup(hash); at != nil {
		return at, nil
	}
	for back := int32(1); height > 0; back *= 2 {
		height = max(height-back, 0)
		at, err := x.known(height)
		if at != nil || err != nil {
			return at, err
		}
	}
	return nil, nil
}

// known returns a block at a height that the index contains, best chain
// first, and the chain knows; nil if there is none.
func (x *Index) known(height int32) (*chain.BlockNode, error) {
	best := x.chain.View().At(height)
	var found *chain.BlockNode
	err := x.db.Each(blockKey(height, nil), func(key, _ []byte) error {
		_, hash, err := splitBlockKey(key[1:])
		if at := x.chain.Lookup(hash); at != nil && (found == nil || at == best) {
			found = at
		}
		return err
	})
	return found, err
}

// blockKey returns the key of a block, or without a hash what the keys of a
// height begin with.
func blockKey(height int32, hash []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{keyBlock}, uint32(height)), hash...)
}

func splitBlockKey(b []byte) (height int32, hash chainhash.Hash, err error) {
	if len(b) != 4+chainhash.HashSize {
		return 0, hash, fmt.Errorf("%w: block key of %d bytes", ErrCorrupt, len(b))
	}
	return int32(binary.BigEndian.Uint32(b) & (1<<31 - 1)), chainhash.Hash(b[4:]), nil
}

// Name is what the index is called in the log and by getindexinfo.
func (x *Index) Name() string { return x.name }

// Height returns the position's, -1 before genesis. Blocks and undo data above
// it are still needed.
func (x *Index) Height() int32 {
	if at := x.at.Load(); at != nil {
		return at.Height
	}
	return -1
}

// Synced reports whether the index has caught up with the chain and has not
// fallen far behind since.
func (x *Index) Synced() bool { return x.synced.Load() }

// Covers reports whether the index contains a block and all before it.
func (x *Index) Covers(at *chain.BlockNode) bool { return contains(x.at.Load(), at) }

func contains(tip, at *chain.BlockNode) bool { return tip.Ancestor(at.Height) == at }

// Next returns the block that Step would add, nil if there is none.
func (x *Index) Next() *chain.BlockNode { return next(x.at.Load(), x.chain.View()) }

func next(at *chain.BlockNode, view *chain.View) *chain.BlockNode {
	switch {
	case at == nil:
		return view.At(0)
	case contains(at, view.Tip()):
		return nil
	}
	return view.At(view.Fork(at).Height + 1)
}

// Step adds one block. It reports false if there is none to add.
func (x *Index) Step() (moved bool, err error) {
	view := x.chain.View()
	next := next(x.at.Load(), view)
	if next == nil {
		x.synced.Store(true)
		return false, nil
	}
	if view.Height()-next.Height > farBehind {
		x.synced.Store(false)
	}
	if err := x.add(next); err != nil {
		return false, fmt.Errorf("%s at block %s: %w", x.name, next.Hash, err)
	}
	x.at.Store(next)
	return true, nil
}

func (x *Index) add(next *chain.BlockNode) error {
	b := &connected{node: next}
	var err error
	if b.Block, err = x.chain.ReadBlock(next); err != nil {
		return err
	}
	if x.keeper.needsSpent() && next.Height > 0 {
		if b.spent, err = x.chain.ReadUndo(next); err != nil {
			return err
		}
		if !fits(b.Block, b.spent) {
			return fmt.Errorf("%w: undo data does not fit", ErrCorrupt)
		}
	}
	return x.db.Write(func(w store.Writer) error {
		value, err := x.keeper.keep(w, b)
		if err != nil {
			return err
		}
		key := blockKey(next.Height, next.Hash[:])
		return errors.Join(w.Put(key, value), w.Put([]byte{keyPosition}, slices.Clone(key[1:])))
	})
}

// fits reports whether there is a spent coin for each input.
func fits(b *consensus.Block, spent coins.Undo) bool {
	if len(spent) != len(b.Txs)-1 {
		return false
	}
	for i, tx := range b.Txs[1:] {
		if len(spent[i]) != len(tx.TxIn) {
			return false
		}
	}
	return true
}

// kept returns what is filed under a block, nil if the index never contained
// it.
func (x *Index) kept(at *chain.BlockNode) ([]byte, error) {
	return x.db.Get(blockKey(at.Height, at.Hash[:]))
}
