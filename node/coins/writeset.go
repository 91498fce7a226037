package coins

import (
	"io"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/store"
)

// WriteSet writes a file with the UTXO set of a snapshot and returns how many
// coins that are. check is called now and then with the number so far, and ends
// the writing by failing.
func WriteSet(to io.Writer, h SetHeader, from *store.Snapshot, check func(written uint64) error) (uint64, error) {
	w := setWriter{to: to, check: check}
	if _, err := to.Write(h.encode()); err != nil {
		return 0, err
	}
	err := EachCoin(from, func(op wire.OutPoint, coin Coin, _ int) error { return w.add(op, coin) })
	if err == nil {
		err = w.endTransaction()
	}
	return w.written, err
}

// setWriter gathers the outputs of one transaction, whose number is written
// before them.
type setWriter struct {
	to      io.Writer
	check   func(uint64) error
	written uint64
	txid    chainhash.Hash
	count   uint64
	outputs []byte // encoded
	buf     []byte
}

func (w *setWriter) add(op wire.OutPoint, coin Coin) error {
	if op.Hash != w.txid {
		if err := w.endTransaction(); err != nil {
			return err
		}
	}
	w.txid = op.Hash
	w.count++
	w.outputs = appendCompactSize(w.outputs, uint64(op.Index))
	w.outputs = appendOutput(appendVarInt(w.outputs, coin.code()), &coin, true)
	if w.written++; w.written%checkEvery == 0 {
		return w.check(w.written)
	}
	return nil
}

// checkEvery is how many coins are read or written between two calls of check.
const checkEvery = 4096

func (w *setWriter) endTransaction() error {
	if w.count == 0 {
		return nil
	}
	w.buf = appendCompactSize(append(w.buf[:0], w.txid[:]...), w.count)
	w.buf = append(w.buf, w.outputs...)
	w.count, w.outputs = 0, w.outputs[:0]
	_, err := w.to.Write(w.buf)
	return err
}

// Copy fills an empty store with the set of a snapshot.
func Copy(to Store, from *store.Snapshot, check func(copied uint64) error) error {
	best, err := SnapshotBest(from)
	if err != nil {
		return err
	}
	copied := uint64(0)
	err = to.Write(func(w store.Writer) error {
		return from.Each(coinPrefix, func(key, value []byte) error {
			if copied++; copied%checkEvery == 0 {
				if err := check(copied); err != nil {
					return err
				}
			}
			return w.Put(append([]byte(nil), key...), append([]byte(nil), value...))
		})
	})
	if err != nil {
		return err
	}
	return to.Write(func(w store.Writer) error { return w.Put(keyBest, best[:]) })
}
