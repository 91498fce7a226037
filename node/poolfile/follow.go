package poolfile

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/mempool/dump"
)

const (
	// journalEvery is how long a change of the mempool may be in memory only.
	journalEvery = 500 * time.Millisecond
	// maxChanges bounds the changes that wait: if there are more, all is written anew.
	maxChanges = 100_000
)

// change is a transaction that came, or else left.
type change struct {
	entry *mempool.Entry
	left  bool
}

// changes are what the journal has yet to be told.
type changes struct {
	mu   sync.Mutex
	list []change
	lost bool // there were too many
}

func (c *changes) add(one change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost {
		return
	}
	if c.list = append(c.list, one); len(c.list) > maxChanges {
		c.list, c.lost = nil, true
	}
}

func (c *changes) take() (list []change, lost bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list, lost = c.list, c.lost
	c.list, c.lost = nil, false
	return list, lost
}

// Added and Removed note what happens to the mempool. They wait for nothing.
func (f *Files) Added(e *mempool.Entry) { f.note(change{entry: e}) }

// Removed is the other one.
func (f *Files) Removed(e *mempool.Entry) { f.note(change{entry: e, left: true}) }

func (f *Files) note(c change) {
	if f.following.Load() {
		f.changes.add(c)
	}
}

// Run writes the journal until ctx ends.
func (f *Files) Run(ctx context.Context) error {
	ticker := time.NewTicker(journalEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
			f.follow()
		}
	}
}

// follow writes what has changed. A journal that cannot be written is told of once, and
// given up: the node goes on without.
func (f *Files) follow() {
	if !f.following.Load() {
		return
	}
	f.writing.Lock()
	defer f.writing.Unlock()
	list, lost := f.changes.take()
	var err error
	if loaded := f.Loaded(); lost || f.journal.bulky() || loaded && !f.complete {
		err = f.renew(loaded)
	} else {
		err = f.journal.append(f.records(list))
	}
	if err != nil {
		f.cfg.Log.Error(fmt.Sprintf("The journal of the mempool cannot be written: %v. If the node dies, its mempool is lost.", err))
		f.following.Store(false)
		f.changes.take()
	}
}

// renew writes the journal anew from what there is. The lock of writing is held.
func (f *Files) renew(complete bool) error {
	txs, rest := f.contents()
	f.noted = map[chainhash.Hash]struct{}{}
	err := f.journal.renew(txs, complete)
	if err == nil {
		f.complete = complete
		err = f.journal.append(f.noteUnheard(nil, rest.Unheard))
	}
	return err
}

func (f *Files) records(list []change) (raw []byte) {
	deltas := f.cfg.Owner.Pool().Priorities()
	for _, c := range list {
		if tx := c.entry.Tx; c.left {
			raw = appendRecord(raw, recordDrop, tx.ID[:])
			delete(f.noted, tx.ID)
		} else {
			raw = appendTx(raw, dump.Tx{Tx: tx, Time: c.entry.Time, Delta: deltas[tx.ID]})
		}
	}
	return f.noteUnheard(raw, f.cfg.Owner.Pool().Unheard())
}

// noteUnheard adds those that no peer has asked for and that are not noted yet. They may
// be heard of by the next life: then they are told once more.
func (f *Files) noteUnheard(raw []byte, txids []chainhash.Hash) []byte {
	for _, txid := range txids {
		if _, noted := f.noted[txid]; !noted {
			f.noted[txid] = struct{}{}
			raw = appendRecord(raw, recordUnheard, txid[:])
		}
	}
	return raw
}

// restore takes in what the journal of a node that has died holds, and begins another
// with the same. complete tells that mempool.dat has nothing that is not there.
func (f *Files) restore(ctx context.Context) (complete bool, err error) {
	j, damage := f.journal.read()
	if damage != nil {
		f.cfg.Log.Warn(fmt.Sprintf("The journal of the mempool is read up to its damage: %v", damage))
	}
	f.writing.Lock()
	f.noted = map[chainhash.Hash]struct{}{}
	err = f.journal.renew(j.txs, j.complete)
	if err == nil {
		err = f.journal.append(f.noteUnheard(nil, j.unheard))
	}
	f.complete = j.complete && err == nil
	f.writing.Unlock()
	f.following.Store(err == nil)
	if err != nil {
		f.cfg.Log.Error(fmt.Sprintf("The journal of the mempool cannot be written: %v. If the node dies, its mempool is lost.", err))
	}
	if len(j.txs) == 0 {
		return j.complete, nil
	}
	var tally tally
	for _, tx := range j.txs {
		if err := f.offer(ctx, tx, Import{Times: true, Deltas: true}, &tally); err != nil {
			return false, err
		}
	}
	err = f.cfg.Owner.DoAmidBlocks(ctx, func(s *chainstate.State) error { s.Pool.AddUnheard(j.unheard...); return nil })
	f.cfg.Log.Info(fmt.Sprintf("Restored mempool transactions of a node that has died: %d succeeded, %d failed, %d expired, %d already there",
		tally.taken, tally.refused, tally.expired, tally.known))
	return j.complete, err
}

// Leave says that the mempool is in mempool.dat and changes no more: Close removes the
// journal.
func (f *Files) Leave() {
	f.following.Store(false)
	f.leaving.Store(true)
}

// Close closes the journal.
func (f *Files) Close() error {
	f.following.Store(false)
	f.writing.Lock()
	defer f.writing.Unlock()
	if f.leaving.Load() {
		return f.journal.remove()
	}
	return f.journal.close()
}
