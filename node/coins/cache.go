package coins

import (
	"bytes"
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/store"
)

// Store is where flushed coins are.
type Store interface {
	Get(key []byte) ([]byte, error)
	GetMany(keys [][]byte, found func(i int, value []byte) error) error
	Write(fill func(store.Writer) error) error
	Sync() error
	Snapshot() *store.Snapshot
	// Examine fails if key may be missing only because of damage.
	Examine(key []byte) error
}

// Keys of the store. A coin's key is coinPrefix, the txid, and the output's
// number as VARINT.
var (
	coinPrefix = []byte("C")
	keyBest    = []byte("B")
	keyHeads   = []byte("H") // where a flush goes and comes from
)

// state of an entry.
type state uint8

const (
	fresh state = 1 << iota // neither the layers below nor the store have it
	spent
)

type entry struct {
	Coin
	state state
}

// Cache is the UTXO set.
type Cache struct {
	store Store

	// Each layer overrides those below it, and clean the store.
	mu       sync.RWMutex
	best     chainhash.Hash
	top      *layer // changed since the last flush began
	flushing *layer // being written, and not changed; or nil
	clean    *layer // such as the store has it
	epoch    uint64 // changes when entries go from memory to the store
	whole    bool   // memory has all coins: none was ever dropped

	spare map[wire.OutPoint]entry // empty, for the next view; or nil
}

// Open reads the state of the store. heads is not nil if a flush was
// interrupted: it was going to the first of them and came from the last. Those
// between are where flushes before it were going, the latest first, which were
// interrupted, too: of any of them some coins may have been written.
func Open(s Store) (c *Cache, heads []chainhash.Hash, err error) {
	c = &Cache{store: s, top: newLayer(), clean: newLayer()}
	path, err := readPath(s)
	if err != nil || len(path) > 1 {
		return c, path, err
	}
	c.best = path[0]
	c.whole = c.best == (chainhash.Hash{})
	return c, nil, nil
}

// readPath returns the heads, or only the block whose set the store has, which is
// zero before genesis.
func readPath(s Store) ([]chainhash.Hash, error) {
	if heads, err := readHashes(s, keyHeads); err != nil || len(heads) > 0 {
		if len(heads) == 1 {
			err = ErrCorrupt
		}
		return heads, err
	}
	best, err := readHashes(s, keyBest)
	switch {
	case len(best) > 1:
		err = ErrCorrupt
	case best == nil:
		best = make([]chainhash.Hash, 1)
	}
	return best, err
}

// readHashes returns nil if the store has no such key.
func readHashes(s Store, key []byte) ([]chainhash.Hash, error) {
	raw, err := s.Get(key)
	if err != nil || raw == nil {
		return nil, err
	}
	if len(raw) == 0 || len(raw)%chainhash.HashSize != 0 {
		return nil, ErrCorrupt
	}
	hashes := make([]chainhash.Hash, len(raw)/chainhash.HashSize)
	for i := range hashes {
		copy(hashes[i][:], raw[i*chainhash.HashSize:])
	}
	return hashes, nil
}

// Best returns the block to whose end the set belongs; zero before genesis.
func (c *Cache) Best() chainhash.Hash {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.best
}

// Whole reports whether memory has all coins: Prefetch would find nothing.
func (c *Cache) Whole() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.whole
}

// Size estimates the bytes of memory that the cache takes.
func (c *Cache) Size() int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	size := c.top.size + c.clean.size
	if c.flushing != nil {
		size += c.flushing.size
	}
	return size
}

// Unwritten estimates the bytes of memory of what the next flush has to write.
func (c *Cache) Unwritten() int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.top.size
}

// Len returns the number of coins in memory, where one that was changed during
// a flush counts more than once.
func (c *Cache) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	n := len(c.top.coins) + len(c.clean.coins)
	if c.flushing != nil {
		n += len(c.flushing.coins)
	}
	return n
}

// Get returns a coin, and whether there is one. It does not fill the cache.
func (c *Cache) Get(op wire.OutPoint) (Coin, bool, error) {
	if e, known := c.cached(op); known {
		return e.Coin, e.state&spent == 0, nil
	}
	raw, err := c.store.Get(appendKey(nil, op))
	if err != nil || raw == nil {
		return Coin{}, false, err
	}
	coin, err := parseCoin(raw)
	return coin, err == nil, err
}

func (c *Cache) cached(op wire.OutPoint) (entry, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, l := range [...]*layer{c.top, c.flushing, c.clean} {
		if e, known := l.get(op); known {
			return e, true
		}
	}
	return entry{}, false
}

// maxSpare bounds the changes of a view whose memory is used again: those of a
// large block.
const maxSpare = 1 << 15

// Commit applies a view's changes and moves the set to the end of best.
func (c *Cache) Commit(v *View, best chainhash.Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for op, change := range v.changes {
		c.apply(op, &change, v.replay)
	}
	c.best = best
	if len(v.changes) <= maxSpare {
		clear(v.changes)
		c.spare = v.changes
	}
	v.changes = nil
}

func (c *Cache) apply(op wire.OutPoint, change *entry, replay bool) {
	old, known := c.top.coins[op]
	if change.state&spent != 0 {
		switch {
		case known && old.state&fresh != 0:
			c.top.remove(op, old)
		case !known && change.state&fresh != 0:
			// created and spent within the view
		default:
			c.clean.drop(op) // top has the last word
			c.top.replace(op, old, known, &entry{state: spent})
		}
		return
	}
	_, below := c.flushing.state(op)
	// A coin that is in no layer, by the rule that no coin is created twice,
	// need not be deleted below when it is spent.
	if replay || below || known && old.state&fresh == 0 {
		change.state &^= fresh
	}
	c.top.replace(op, old, known, change)
}

// Examine fails if a coin that is not there may have been lost: a block is
// invalid for want of a coin only if the store is sound where that would be.
func (c *Cache) Examine(op wire.OutPoint) error { return c.store.Examine(appendKey(nil, op)) }

// Snapshot returns the flushed set, which later changes do not touch. Flush
// first, and begin no other flush before. The snapshot must be closed.
func (c *Cache) Snapshot() *store.Snapshot { return c.store.Snapshot() }

func appendKey(dst []byte, op wire.OutPoint) []byte {
	dst = append(dst, coinPrefix...)
	dst = append(dst, op.Hash[:]...)
	return appendVarInt(dst, uint64(op.Index))
}

func parseKey(key []byte) (wire.OutPoint, error) {
	const prefix = 1 + chainhash.HashSize
	if len(key) <= prefix {
		return wire.OutPoint{}, ErrCorrupt
	}
	index, rest, err := varInt(key[prefix:])
	if err != nil || len(rest) > 0 || index > 1<<32-1 {
		return wire.OutPoint{}, ErrCorrupt
	}
	return wire.OutPoint{Hash: chainhash.Hash(key[1:prefix]), Index: uint32(index)}, nil
}

func compareOutPoints(a, b wire.OutPoint) int {
	if order := bytes.Compare(a.Hash[:], b.Hash[:]); order != 0 {
		return order
	}
	return int(int64(a.Index) - int64(b.Index))
}
