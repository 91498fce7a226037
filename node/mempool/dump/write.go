package dump

import (
	"bufio"
	"encoding/binary"
	"io"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

const (
	plainVersion = 1
	xorVersion   = 2
	keySize      = 8
)

// Tx is a transaction of a mempool.
type Tx struct {
	*consensus.Tx
	Time  int64 // when it entered, Unix seconds
	Delta int64 // that its fee counts more, satoshi
}

// Rest is what a file has beside transactions.
type Rest struct {
	Deltas  map[chainhash.Hash]int64 // of transactions that are not there, by txid
	Unheard []chainhash.Hash         // txids that no peer has asked for
}

// Write writes a file, with the transactions of which parents come first, obfuscated
// with a key unless that is zero.
func Write(to io.Writer, key [keySize]byte, txs []Tx, rest Rest) error {
	out := &writer{out: bufio.NewWriterSize(to, 1<<20)}
	if key == [keySize]byte{} {
		out.number(plainVersion)
	} else {
		out.number(xorVersion)
		out.count(keySize)
		out.bytes(key[:])
		out.key = key
	}
	out.number(uint64(len(txs)))
	for _, tx := range txs {
		out.bytes(tx.Raw())
		out.number(uint64(tx.Time))
		out.number(uint64(tx.Delta))
	}
	out.count(len(rest.Deltas))
	for txid, delta := range rest.Deltas {
		out.bytes(txid[:])
		out.number(uint64(delta))
	}
	out.count(len(rest.Unheard))
	for _, txid := range rest.Unheard {
		out.bytes(txid[:])
	}
	if out.err != nil {
		return out.err
	}
	return out.out.Flush()
}

// writer keeps the first error.
type writer struct {
	out *bufio.Writer
	key [keySize]byte
	at  int // bytes written so far
	err error
}

func (w *writer) bytes(b []byte) {
	for _, c := range b {
		if err := w.out.WriteByte(c ^ w.key[w.at%keySize]); err != nil && w.err == nil {
			w.err = err
		}
		w.at++
	}
}

func (w *writer) number(n uint64) { w.bytes(binary.LittleEndian.AppendUint64(nil, n)) }

func (w *writer) count(n int) {
	var b sink
	_ = wire.WriteVarInt(&b, 0, uint64(n)) // a sink does not fail
	w.bytes(b)
}

type sink []byte

func (s *sink) Write(b []byte) (int, error) {
	*s = append(*s, b...)
	return len(b), nil
}
