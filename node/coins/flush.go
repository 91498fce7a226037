package coins

import (
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/store"
)

// keepBelow is the size up to which coins stay in memory after a flush.
const keepBelow = 64 << 20

// Flush writes all changes to the store and makes them durable. Blocks and
// undo data up to Best must be durable before.
func (c *Cache) Flush() error {
	to, entries, err := c.beginFlush()
	if err != nil {
		return err
	}
	if err := c.write(to, entries); err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.top, c.flushing = entries, nil
		return fmt.Errorf("flush coins: %w", err)
	}
	c.endFlush(entries)
	return nil
}

// beginFlush makes top a layer of its own that does not change.
func (c *Cache) beginFlush() (chainhash.Hash, *layer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flushing != nil {
		return chainhash.Hash{}, nil, fmt.Errorf("flush coins: another flush is under way")
	}
	c.epoch++
	c.flushing, c.top = c.top, newLayer()
	return c.best, c.flushing, nil
}

// endFlush keeps the coins of a small cache, which are clean now. What was
// added to top meanwhile is clean, too: only the caller of Flush changes coins.
func (c *Cache) endFlush(entries *layer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	c.flushing = nil
	if entries.size > keepBelow {
		c.whole = false
		return
	}
	entries.clean()
	c.top = entries
}

// Trim empties the cache, which was just flushed, if it is larger than limit
// bytes.
func (c *Cache) Trim(limit int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.top.size > limit {
		c.epoch++
		c.top, c.whole = newLayer(), false
	}
}

func (c *Cache) write(to chainhash.Hash, entries *layer) error {
	ops := entries.dirty()
	heads, err := readHashes(c.store, keyHeads, 2)
	if err != nil {
		return err
	}
	best, err := readHashes(c.store, keyBest, 1)
	if err != nil {
		return err
	}
	if heads == nil && best != nil && best[0] == to && len(ops) == 0 {
		return nil
	}
	from := chainhash.Hash{}
	if heads != nil {
		from = heads[1]
	} else if best != nil {
		from = best[0]
	}
	// Marker and coins must not be reordered by a crash of the machine.
	if err := c.mark(func(w store.Writer) error { return w.Put(keyHeads, slices.Concat(to[:], from[:])) }); err != nil {
		return err
	}
	if err := c.writeCoins(ops, entries); err != nil {
		return err
	}
	if err := c.store.Sync(); err != nil {
		return err
	}
	if err := c.mark(func(w store.Writer) error { return w.Put(keyBest, to[:]) }); err != nil {
		return err
	}
	return c.mark(func(w store.Writer) error { return w.Delete(keyHeads) })
}

func (c *Cache) mark(fill func(store.Writer) error) error {
	if err := c.store.Write(fill); err != nil {
		return err
	}
	return c.store.Sync()
}

func (c *Cache) writeCoins(ops []wire.OutPoint, entries *layer) error {
	return c.store.Write(func(w store.Writer) error {
		for _, op := range ops {
			p := entries.coins[op]
			e := p.unpack(entries.long[op])
			key := appendKey(make([]byte, 0, 38), op)
			var err error
			if e.state&spent != 0 {
				err = w.Delete(key)
			} else {
				err = w.Put(key, appendCoin(make([]byte, 0, len(e.Script)+16), &e.Coin))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
