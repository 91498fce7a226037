package consensus

import (
	"bytes"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// A block of more than MaxBlockWeight bytes weighs too much, whatever is in it. No peer
// can send one, as messages are shorter; a user can. Which rule it breaks first is of
// interest, as one with too much witness data is another when it has less. The library
// refuses what is in it unseen: it has room for four megabytes of scripts in a
// transaction.

// takeLargeBlock is TakeBlock for so many bytes. If there are so many only because of
// what follows the block, it is the library's.
func takeLargeBlock(raw []byte) (b *Block, rest []byte, err error) {
	b, rest, err = readBlock(raw)
	if size := len(raw) - len(rest); err == nil && size <= MaxBlockWeight {
		b, err = ParseBlock(raw[:size:size])
	}
	return b, rest, err
}

// readBlock is what the library does, without a copy of the scripts.
func readBlock(raw []byte) (b *Block, rest []byte, err error) {
	b, r := &Block{}, reader{rest: raw}
	header := r.take(wire.MaxBlockHeaderPayload)
	txs := r.count(minTxSize)
	if r.err == nil {
		b.Hash = chainhash.DoubleHashH(header)
		r.err = b.Header.Deserialize(bytes.NewReader(header))
	}
	b.Txs = make([]*Tx, txs)
	for i := range b.Txs {
		from := r.rest
		msg := r.tx()
		if r.err != nil {
			break
		}
		b.Txs[i] = &Tx{}
		b.Txs[i].set(msg, from[:len(from)-len(r.rest)])
	}
	if r.err != nil {
		return nil, nil, r.fault("block")
	}
	size := len(raw) - len(r.rest)
	b.Raw = raw[:size:size]
	return b, r.rest, nil
}
