package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"
)

// Every transaction carries its number under a key of a ring of them. What
// was written but is in no table yet is in logs, one for each table to come,
// and the library takes a damaged entry for the end of its log. A loss at the
// end of all is as if the machine had crashed a moment earlier; a loss in the
// middle leaves a gap between the numbers.
const (
	// ringSize is more than the transactions that can be in logs at once.
	ringSize = 1 << 16
	// maxInFlight bounds the transactions that are being written.
	maxInFlight = 16
)

var ringPrefix = []byte("\x00seq")

func ringKey(seq uint64) []byte {
	return binary.BigEndian.AppendUint16(append([]byte(nil), ringPrefix...), uint16(seq%ringSize))
}

// lastInSequence returns the number of the last transaction, and fails if one
// before it is missing.
func lastInSequence(d *DB) (last uint64, err error) {
	count := uint64(0)
	var oldest uint64
	err = d.Each(ringPrefix, func(key, value []byte) error {
		slot := key[len(ringPrefix):]
		if len(slot) != 2 || len(value) != 8 {
			return fmt.Errorf("malformed entry %x", key)
		}
		seq := binary.BigEndian.Uint64(value)
		if seq%ringSize != uint64(binary.BigEndian.Uint16(slot)) {
			return fmt.Errorf("write %d in the place of %x", seq, slot)
		}
		if count == 0 || seq < oldest {
			oldest = seq
		}
		last = max(last, seq)
		count++
		return nil
	})
	if err == nil && count > 0 && (last-oldest != count-1 || count < ringSize && oldest != 1) {
		err = fmt.Errorf("of the writes up to %d some are lost", last)
	}
	return last, err
}

// batch is the Writer of one Write. It fills transactions and commits them in
// order, without waiting for one before it begins the next.
type batch struct {
	db      *DB
	txn     *badger.Txn
	count   int64
	bytes   int64
	results chan outcome
	waiting int
	failed  []uint64 // transactions that were not written
	err     error    // of the first of them
	last    uint64   // the last that was written
}

// outcome is what became of a transaction.
type outcome struct {
	seq uint64
	err error
}

func (b *batch) Put(key, value []byte) error {
	if err := b.room(len(key) + len(value)); err != nil {
		return err
	}
	return b.txn.Set(key, value)
}

func (b *batch) Delete(key []byte) error {
	if err := b.room(len(key)); err != nil {
		return err
	}
	return b.txn.Delete(key)
}

// room begins a transaction if there is none that takes size more bytes. Half
// of what the library allows leaves enough for its overhead.
func (b *batch) room(size int) error {
	full := b.count+1 > b.db.db.MaxBatchCount()/2 || b.bytes+int64(size) > b.db.db.MaxBatchSize()/2
	if b.txn != nil && b.count > 0 && full {
		if err := b.commit(); err != nil {
			return err
		}
	}
	if b.txn == nil {
		b.txn = b.db.db.NewTransaction(true)
	}
	b.count++
	b.bytes += int64(size)
	return nil
}

// commit hands the transaction over. It fails with the error of an earlier one.
func (b *batch) commit() error {
	if b.waiting == maxInFlight {
		b.await()
	}
	if b.err != nil {
		return b.err
	}
	txn := b.txn
	b.txn, b.count, b.bytes = nil, 0, 0
	seq := b.db.seq + 1
	if err := txn.Set(ringKey(seq), binary.BigEndian.AppendUint64(nil, seq)); err != nil {
		txn.Discard()
		return err
	}
	b.db.seq = seq
	b.waiting++
	txn.CommitWith(func(err error) { b.results <- outcome{seq, err} })
	return nil
}

// await takes note of what became of one transaction.
func (b *batch) await() {
	done := <-b.results
	b.waiting--
	if done.err == nil {
		b.last = max(b.last, done.seq)
		return
	}
	b.failed = append(b.failed, done.seq)
	if b.err == nil {
		b.err = done.err
	}
}

// finish commits the rest, or drops it, and waits for all that is under way.
func (b *batch) finish(err error) error {
	if b.txn != nil && err == nil {
		err = b.commit()
	}
	if b.txn != nil {
		b.txn.Discard()
	}
	for b.waiting > 0 {
		b.await()
	}
	if err == nil {
		err = b.err
	}
	return errors.Join(err, b.close())
}

// close leaves no gap for transactions that failed: their loss is known.
func (b *batch) close() error {
	if len(b.failed) == 0 {
		return nil
	}
	slices.Sort(b.failed)
	if b.failed[0] > b.last {
		b.db.seq = b.failed[0] - 1
		return nil
	}
	return b.db.db.Update(func(txn *badger.Txn) error {
		for _, seq := range b.failed {
			if err := txn.Set(ringKey(seq), binary.BigEndian.AppendUint64(nil, seq)); err != nil {
				return err
			}
		}
		return nil
	})
}
