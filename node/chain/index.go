package chain

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/blockfile"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// IndexStore is where the tree of headers is kept.
type IndexStore interface {
	Each(prefix []byte, fn func(key, value []byte) error) error
	Write(fill func(store.Writer) error) error
	Sync() error
}

// An entry is keyed by nodePrefix and the hash. Its value is the header, and
// little-endian: height, status, transactions, file, offset, undo offset.
var nodePrefix = []byte("b")

const nodeSize = wire.MaxBlockHeaderPayload + 4 + 1 + 4 + 4 + 4 + 4

func (n *BlockNode) encode() []byte {
	b := n.AppendHeader(make([]byte, 0, nodeSize))
	b = binary.LittleEndian.AppendUint32(b, uint32(n.Height))
	b = append(b, byte(n.status))
	b = binary.LittleEndian.AppendUint32(b, uint32(n.txCount))
	b = binary.LittleEndian.AppendUint32(b, uint32(n.block.File))
	b = binary.LittleEndian.AppendUint32(b, n.block.Offset)
	return binary.LittleEndian.AppendUint32(b, n.undo)
}

// stored is an entry that is not linked to its parent yet.
type stored struct {
	hash   chainhash.Hash
	header wire.BlockHeader
	height int32
	rest   []byte
}

func decodeStored(key, value []byte) (s stored, err error) {
	if len(key) != len(nodePrefix)+chainhash.HashSize || len(value) != nodeSize {
		return s, fmt.Errorf("%w: entry of %d and %d bytes", ErrIndex, len(key), len(value))
	}
	s.hash = chainhash.Hash(key[len(nodePrefix):])
	if err := s.header.Deserialize(bytes.NewReader(value)); err != nil {
		return s, fmt.Errorf("%w: %v", ErrIndex, err)
	}
	s.height = int32(binary.LittleEndian.Uint32(value[wire.MaxBlockHeaderPayload:]))
	s.rest = bytes.Clone(value[wire.MaxBlockHeaderPayload+4:])
	return s, nil
}

func (s *stored) fill(n *BlockNode) {
	n.status = status(s.rest[0])
	u32 := func(i int) uint32 { return binary.LittleEndian.Uint32(s.rest[i:]) }
	n.txCount = int32(u32(1))
	n.block = blockfile.Pos{File: int32(u32(5)), Offset: u32(9)}
	n.undo = u32(13)
}

// loadTree reads the index. The result is empty for a new one.
func loadTree(from IndexStore, p *consensus.Params, assumed *consensus.AssumedSet) (*tree, error) {
	var entries []stored
	err := from.Each(nodePrefix, func(key, value []byte) error {
		s, err := decodeStored(key, value)
		entries = append(entries, s)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b stored) int { return int(a.height - b.height) })
	t := newTree()
	t.assumed = assumed
	for i := range entries {
		if err := t.link(&entries[i], p); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *tree) link(s *stored, p *consensus.Params) error {
	parent := t.nodes[s.header.PrevBlock]
	if parent == nil && s.hash != *p.GenesisHash {
		return fmt.Errorf("%w: %s has no parent", ErrIndex, s.hash)
	}
	n := newNode(&s.header, s.hash, parent)
	if n.Height != s.height {
		return fmt.Errorf("%w: %s at height %d", ErrIndex, s.hash, s.height)
	}
	s.fill(n)
	t.count(n)
	if parent != nil && parent.status&failed != 0 {
		n.status |= failed
	}
	if n.status&failed != 0 {
		t.noteRefused(n)
	}
	t.nodes[n.Hash] = n
	return nil
}

// changed returns how many entries have not been written.
func (t *tree) changed() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.dirty)
}

// pendingBytes estimates what writing the changed entries takes: each is
// written to a log and to a table.
func (t *tree) pendingBytes() int64 { return int64(t.changed()) * 2 * (nodeSize + 80) }

// save writes what has changed since the last time and makes it durable.
func (t *tree) save(to IndexStore) error {
	if err := t.write(to); err != nil {
		return err
	}
	return to.Sync()
}

// write writes what has changed since the last time.
func (t *tree) write(to IndexStore) error {
	// Of two who write, the later one has the newer values.
	t.writing.Lock()
	defer t.writing.Unlock()
	t.mu.Lock()
	// A kill leaves a beginning of what is written: parents come first, or a header
	// would be there whose parent is not.
	ordered := slices.SortedFunc(maps.Keys(t.dirty), func(a, b *BlockNode) int { return cmp.Compare(a.Height, b.Height) })
	values := make([][]byte, len(ordered))
	for i, n := range ordered {
		values[i] = n.encode()
	}
	dirty := t.dirty
	t.dirty = map[*BlockNode]struct{}{}
	t.mu.Unlock()
	if len(ordered) == 0 {
		return nil
	}
	err := to.Write(func(w store.Writer) error {
		for i, n := range ordered {
			if err := w.Put(slices.Concat(nodePrefix, n.Hash[:]), values[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		for n := range dirty {
			t.dirty[n] = struct{}{}
		}
	}
	return err
}
