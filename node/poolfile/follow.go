package poolfile

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
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
// given up: the node goes on without. While the mempool is being loaded it is not made
// anew: it has what is still to come.
func (f *Files) follow() {
	if !f.following.Load() {
		return
	}
	f.writing.Lock()
	defer f.writing.Unlock()
	list, lost := f.changes.take()
	f.lost = f.lost || lost
	var err error
	if f.Loaded() && (f.lost || !f.complete || f.journal.bulky()) {
		err = f.renew()
	} else {
		err = f.journal.append(f.records(list))
	}
	if err != nil {
		f.giveUp(err)
	}
}

// giveUp goes on without a journal. The lock of writing is held.
func (f *Files) giveUp(err error) {
	err = errors.Join(err, f.journal.remove())
	f.cfg.Log.Error(fmt.Sprintf("The journal of the mempool cannot be written: %v. If the node dies, its mempool is lost.", err))
	f.following.Store(false)
	f.changes.take()
}

// renew writes the journal anew from what there is. The lock of writing is held.
func (f *Files) renew() error {
	txs, rest := f.contents()
	f.noted, f.told = map[chainhash.Hash]struct{}{}, map[chainhash.Hash]int64{}
	for _, tx := range txs {
		if tx.Delta != 0 {
			f.told[tx.ID] = tx.Delta
		}
	}
	err := f.journal.renew(txs, true)
	if err == nil {
		f.complete, f.lost = true, false
		err = f.journal.append(f.noteUnheard(f.noteDeltas(nil, f.cfg.Owner.Pool().Priorities()), rest.Unheard))
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
			f.tell(tx.ID, deltas[tx.ID])
		}
	}
	return f.noteUnheard(f.noteDeltas(raw, deltas), f.cfg.Owner.Pool().Unheard())
}

func (f *Files) tell(txid chainhash.Hash, delta int64) {
	if delta != 0 {
		f.told[txid] = delta
	} else {
		delete(f.told, txid)
	}
}

// noteDeltas adds those that are not what the journal says.
func (f *Files) noteDeltas(raw []byte, deltas map[chainhash.Hash]int64) []byte {
	note := func(txid chainhash.Hash, delta int64) {
		raw = appendRecord(raw, recordDelta, txid[:], binary.LittleEndian.AppendUint64(nil, uint64(delta)))
		f.tell(txid, delta)
	}
	for txid, delta := range deltas {
		if f.told[txid] != delta {
			note(txid, delta)
		}
	}
	for txid := range f.told {
		if deltas[txid] == 0 {
			note(txid, 0)
		}
	}
	return raw
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
	complete = j.complete && damage == nil && !newer(f.Path(), f.journal.path)
	f.begin(j, complete)
	if len(j.txs) == 0 && len(j.deltas) == 0 {
		return complete, nil
	}
	if err := f.prioritise(ctx, j.deltas); err != nil {
		return false, err
	}
	var tally tally
	for _, tx := range j.txs {
		if err := f.offer(ctx, tx, Import{Times: true}, &tally); err != nil {
			return false, err
		}
	}
	err = f.cfg.Owner.DoAmidBlocks(ctx, func(s *chainstate.State) error { s.Pool.AddUnheard(j.unheard...); return nil })
	f.cfg.Log.Info(fmt.Sprintf("Restored mempool transactions of a node that has died: %d succeeded, %d failed, %d expired, %d already there",
		tally.taken, tally.refused, tally.expired, tally.known))
	return complete, err
}

// begin writes a journal with what an earlier one said.
func (f *Files) begin(j journalled, complete bool) {
	f.writing.Lock()
	defer f.writing.Unlock()
	f.noted, f.told, f.complete = map[chainhash.Hash]struct{}{}, map[chainhash.Hash]int64{}, complete
	for _, tx := range j.txs {
		f.tell(tx.ID, tx.Delta)
	}
	err := f.journal.renew(j.txs, complete)
	if err == nil {
		err = f.journal.append(f.noteUnheard(f.noteDeltas(nil, j.deltas), j.unheard))
	}
	if err != nil {
		f.giveUp(err)
		return
	}
	f.following.Store(true)
}

// prioritise lets fees count more that do not yet: an earlier start may have come so far.
func (f *Files) prioritise(ctx context.Context, deltas map[chainhash.Hash]int64) error {
	return f.cfg.Owner.DoAmidBlocks(ctx, func(s *chainstate.State) error {
		have := s.Pool.Priorities()
		for txid, delta := range deltas {
			if have[txid] == 0 {
				s.Pool.Prioritise(txid, delta)
			}
		}
		return nil
	})
}

// newer reports whether a file was written after another, as one that another program
// has put there was.
func newer(path, than string) bool {
	a, err1 := os.Stat(path)
	b, err2 := os.Stat(than)
	return err1 == nil && (err2 != nil || a.ModTime().After(b.ModTime()))
}

// Close closes the journal.
func (f *Files) Close() error {
	f.following.Store(false)
	f.writing.Lock()
	defer f.writing.Unlock()
	return f.journal.close()
}

// Forget removes the journal, of which another file has all now, or nobody wants it.
func Forget(journal string) error {
	if err := os.Remove(journal); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
