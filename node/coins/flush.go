package coins

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/store"
)

const (
	// ErrFlushing means that an earlier flush has not ended.
	ErrFlushing Kind = "coins: another flush is under way"
	// ErrGivenUp is the end of a Write that was asked to end early.
	ErrGivenUp Kind = "coins: the flush was given up"
)

// Flush is a flush under way: what the set was when it began is being written,
// while it changes further.
type Flush struct {
	cache   *Cache
	to      chainhash.Hash
	entries *layer
	part    bool
	givenUp atomic.Bool
}

// Flush writes all changes to the store and makes them durable. Blocks and
// undo data up to Best must be durable before. Nobody else changes the set
// meanwhile.
func (c *Cache) Flush() error { return c.flushNow(false) }

// FlushPart writes out what is in memory, in the middle of the repetition of an
// interrupted flush: the store stays one that has to be repeated from where
// that came from.
func (c *Cache) FlushPart() error { return c.flushNow(true) }

func (c *Cache) flushNow(part bool) error {
	f, err := c.BeginFlush()
	if err != nil {
		return err
	}
	f.part = part
	if err := f.Write(); err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.top, c.flushing = f.entries, nil
		return err
	}
	return nil
}

// BeginFlush sets aside what has changed up to now, to be written. It fails with
// ErrFlushing.
func (c *Cache) BeginFlush() (*Flush, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flushing != nil {
		return nil, ErrFlushing
	}
	c.epoch++
	c.flushing, c.top = c.top, newLayer()
	return &Flush{cache: c, to: c.best, entries: c.flushing}, nil
}

// Write writes it, makes it durable and ends the flush. It may be called from
// anywhere, by one at a time, beside changes of the set. Blocks and undo data up
// to what was Best when the flush began must be durable before. After an error the
// coins stay in memory.
func (f *Flush) Write() error {
	if err := f.write(); err != nil {
		return fmt.Errorf("flush coins: %w", err)
	}
	f.cache.endFlush(f.entries)
	return nil
}

// GiveUp lets Write end early with ErrGivenUp, unless it is about to end. It may be
// called from anywhere.
func (f *Flush) GiveUp() { f.givenUp.Store(true) }

func (f *Flush) write() error {
	c := f.cache
	if f.part {
		return f.writeCoins()
	}
	path, err := readPath(c.store)
	if err != nil || len(path) == 1 && path[0] == f.to && len(f.entries.coins) == 0 {
		return err
	}
	if err := c.mark(f.to, path); err != nil {
		return err
	}
	if err := f.writeCoins(); err != nil {
		return err
	}
	if err := c.store.Sync(); err != nil {
		return err
	}
	if err := c.put(func(w store.Writer) error { return w.Put(keyBest, f.to[:]) }); err != nil {
		return err
	}
	return c.put(func(w store.Writer) error { return w.Delete(keyHeads) })
}

// mark notes that a flush goes to a block, from a store that is on path. Where
// flushes before it were going stays known: the chain may have left those blocks,
// and some of their coins are there. Marker and coins must not be reordered by a
// crash of the machine.
func (c *Cache) mark(to chainhash.Hash, path []chainhash.Hash) error {
	heads := slices.Clone(to[:])
	if len(path) > 1 && path[0] == to {
		path = path[1:]
	}
	for i := range path {
		heads = append(heads, path[i][:]...)
	}
	return c.put(func(w store.Writer) error { return w.Put(keyHeads, heads) })
}

// LeaveUnwritten makes the store that of an interrupted flush up to Best, without
// writing coins: the next Open tells to repeat the steps. Blocks and undo data
// up to Best must be durable before. No Flush is being written, and none comes
// after this.
func (c *Cache) LeaveUnwritten() error {
	path, err := readPath(c.store)
	if best := c.Best(); err == nil && path[0] != best {
		err = c.mark(best, path)
	}
	if err != nil {
		return fmt.Errorf("leave coins: %w", err)
	}
	return nil
}

func (c *Cache) put(fill func(store.Writer) error) error {
	if err := c.store.Write(fill); err != nil {
		return err
	}
	return c.store.Sync()
}

// chunk is how many coins are written, or moved, until others have their turn.
const chunk = 4096

func (f *Flush) writeCoins() error {
	names := f.entries.names()
	return f.cache.store.Write(func(w store.Writer) error {
		for i, op := range names {
			if i%chunk == 0 && f.givenUp.Load() {
				return ErrGivenUp
			}
			if err := f.writeCoin(w, op); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f *Flush) writeCoin(w store.Writer, op wire.OutPoint) error {
	p := f.entries.coins[op]
	e := p.unpack(f.entries.long[op])
	key := appendKey(make([]byte, 0, 38), op)
	if e.state&spent != 0 {
		return w.Delete(key)
	}
	return w.Put(key, appendCoin(make([]byte, 0, len(e.Script)+16), &e.Coin))
}

// endFlush keeps what was written as clean: in the place of what was clean
// before, unless that was more, or memory has all coins.
func (c *Cache) endFlush(entries *layer) {
	c.mu.RLock()
	add := c.whole || c.clean.size > entries.size
	c.mu.RUnlock()
	if add {
		c.addToClean(entries)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	if c.flushing = nil; !add {
		c.clean = entries
	}
}

// addToClean gives others their turn now and then: until it returns, entries
// are still seen above clean.
func (c *Cache) addToClean(entries *layer) {
	ops := make([]wire.OutPoint, 0, chunk)
	add := func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, op := range ops {
			p := entries.coins[op]
			if _, above := c.top.coins[op]; above || p.state&spent != 0 {
				c.clean.drop(op)
			} else {
				c.clean.take(op, p, entries.long[op])
			}
		}
		ops = ops[:0]
	}
	for op := range entries.coins {
		if ops = append(ops, op); len(ops) == chunk {
			add()
		}
	}
	add()
}

// Trim gives back the memory of what the store has, too, if the cache is larger
// than limit bytes.
func (c *Cache) Trim(limit int64) {
	if c.Size() <= limit {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	c.clean, c.whole = newLayer(), false
}
