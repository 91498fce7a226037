package consensus

import (
	"encoding/binary"
	"errors"

	"github.com/btcsuite/btcd/wire/v2"
)

// errCounts is a serialisation that speaks of more things than it has bytes
// for.
var errCounts = errors.New("more is announced than follows")

// The least bytes of what comes in lists.
const (
	minTxSize  = 10
	minTxIn    = 41
	minTxOut   = 9
	minWitness = 1
)

// walker goes through a serialisation before it is parsed: the library makes
// room for as many things as a hundred bytes from a peer announce, which can be
// hundreds of megabytes. It looks at nothing but counts. Where anything else is
// wrong it stops; that is the library's to tell.
type walker struct {
	rest    []byte
	stopped bool
	tooMany bool
}

func (w *walker) skip(n uint64) {
	if n > uint64(len(w.rest)) {
		w.stopped = true
		return
	}
	w.rest = w.rest[n:]
}

// number reads a compact size.
func (w *walker) number() uint64 {
	if w.stopped || len(w.rest) == 0 {
		w.stopped = true
		return 0
	}
	first, size := w.rest[0], 0
	w.rest = w.rest[1:]
	switch first {
	case 0xfd:
		size = 2
	case 0xfe:
		size = 4
	case 0xff:
		size = 8
	default:
		return uint64(first)
	}
	if size > len(w.rest) {
		w.stopped = true
		return 0
	}
	var raw [8]byte
	copy(raw[:], w.rest[:size])
	w.rest = w.rest[size:]
	return binary.LittleEndian.Uint64(raw[:])
}

// count reads the number of things of so many bytes at least.
func (w *walker) count(least uint64) uint64 {
	n := w.number()
	return w.bounded(n, least)
}

func (w *walker) bounded(n, least uint64) uint64 {
	if n > uint64(len(w.rest))/least {
		w.tooMany, w.stopped = true, true
		return 0
	}
	return n
}

func (w *walker) tx() {
	w.skip(4) // version
	ins, witness := w.number(), false
	if ins == 0 && !w.stopped { // BIP144
		w.stopped = len(w.rest) == 0 || w.rest[0] != 1
		if w.stopped {
			return
		}
		w.skip(1)
		ins, witness = w.number(), true
	}
	ins = w.bounded(ins, minTxIn)
	for i := uint64(0); i < ins && !w.stopped; i++ {
		w.skip(36) // outpoint
		w.skip(w.number())
		w.skip(4) // sequence
	}
	for outs := w.count(minTxOut); outs > 0 && !w.stopped; outs-- {
		w.skip(8) // value
		w.skip(w.number())
	}
	for i := uint64(0); witness && i < ins && !w.stopped; i++ {
		for items := w.count(minWitness); items > 0 && !w.stopped; items-- {
			w.skip(w.number())
		}
	}
	w.skip(4) // lock time
}

func checkTxCounts(raw []byte) error {
	w := walker{rest: raw}
	w.tx()
	return w.verdict()
}

func checkBlockCounts(raw []byte) error {
	w := walker{rest: raw}
	w.skip(wire.MaxBlockHeaderPayload)
	for txs := w.count(minTxSize); txs > 0 && !w.stopped; txs-- {
		w.tx()
	}
	return w.verdict()
}

func (w *walker) verdict() error {
	if w.tooMany {
		return errCounts
	}
	return nil
}
