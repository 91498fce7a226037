package coins

import (
	"github.com/btcsuite/btcd/wire/v2"
	"golang.org/x/sync/errgroup"
)

// A disk answers several questions at once: this many goroutines ask for at
// least so many coins each.
const (
	maxFetchers     = 8
	coinsPerFetcher = 64
)

// Prefetch brings those of the coins that exist into the cache. It may run
// beside whatever changes that; what it then finds out of date it leaves out.
func (c *Cache) Prefetch(ops []wire.OutPoint) error {
	unknown, epoch := c.unknown(ops)
	if len(unknown) == 0 {
		return nil
	}
	fetchers := min(max(len(unknown)/coinsPerFetcher, 1), maxFetchers)
	found := make([][]Coin, fetchers)
	names := make([][]wire.OutPoint, fetchers)
	var group errgroup.Group
	for i := range fetchers {
		part := unknown[i*len(unknown)/fetchers : (i+1)*len(unknown)/fetchers]
		group.Go(func() (err error) {
			names[i], found[i], err = c.fetch(part)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch != epoch {
		return nil
	}
	for i := range found {
		for j, coin := range found[i] {
			if op := names[i][j]; !c.knows(op) {
				c.clean.put(op, &entry{Coin: coin})
			}
		}
	}
	return nil
}

// unknown returns those coins that only the store may know, in this epoch.
func (c *Cache) unknown(ops []wire.OutPoint) (unknown []wire.OutPoint, epoch uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, op := range ops {
		if !c.knows(op) {
			unknown = append(unknown, op)
		}
	}
	return unknown, c.epoch
}

// knows reports whether a layer has an entry. The caller holds mu.
func (c *Cache) knows(op wire.OutPoint) bool {
	for _, l := range [...]*layer{c.top, c.flushing, c.clean} {
		if _, known := l.state(op); known {
			return true
		}
	}
	return false
}

// fetch returns those of the coins that the store has.
func (c *Cache) fetch(ops []wire.OutPoint) (names []wire.OutPoint, found []Coin, err error) {
	keys := make([][]byte, len(ops))
	for i, op := range ops {
		keys[i] = appendKey(make([]byte, 0, 38), op)
	}
	err = c.store.GetMany(keys, func(i int, value []byte) error {
		coin, err := parseCoin(value)
		names, found = append(names, ops[i]), append(found, coin)
		return err
	})
	return names, found, err
}
