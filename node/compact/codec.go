package compact

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/aead/siphash"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// maxTxs is how many transactions a block of this serialisation may have: their
// positions are numbers of 16 bits.
const maxTxs = 1 << 16

// shortIDSize is the bytes of a short transaction identifier.
const shortIDSize = 6

// Errors of what a peer sent. ErrMalformed: it cannot be read. ErrInvalid: it
// can, and describes no block.
var (
	ErrMalformed = errors.New("malformed compact block")
	ErrInvalid   = errors.New("invalid compact block")
)

// Block is a cmpctblock message: BIP152's HeaderAndShortIDs.
type Block struct {
	Header    wire.BlockHeader
	Hash      chainhash.Hash
	ShortIDs  []uint64 // 48 bits each, in the order of the block
	Prefilled []Prefilled
	key       [siphash.KeySize]byte
}

// Prefilled is a transaction that comes with the message, and its place in the
// block.
type Prefilled struct {
	Index int
	Tx    *consensus.Tx
}

// Len is the number of the block's transactions.
func (b *Block) Len() int { return len(b.ShortIDs) + len(b.Prefilled) }

// ShortID is BIP152's identifier of a transaction within this message: the low
// 48 bits of SipHash-2-4 of its wtxid.
func (b *Block) ShortID(wtxid *chainhash.Hash) uint64 {
	return siphash.Sum64(wtxid[:], &b.key) & (1<<(8*shortIDSize) - 1)
}

// setKey derives the key from the header and the nonce that follow each other in
// head, 88 bytes.
func (b *Block) setKey(head []byte) {
	digest := sha256.Sum256(head)
	copy(b.key[:], digest[:siphash.KeySize])
}

const headSize = wire.MaxBlockHeaderPayload + 8

// Parse reads a cmpctblock message. Its Prefilled hold no reference to raw.
func Parse(raw []byte) (*Block, error) {
	r := &reader{rest: raw}
	head := r.take(headSize)
	if r.err != nil {
		return nil, r.err
	}
	b := &Block{Hash: chainhash.DoubleHashH(head[:wire.MaxBlockHeaderPayload])}
	if err := b.Header.Deserialize(bytes.NewReader(head)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	b.setKey(head)
	b.ShortIDs = make([]uint64, r.count(shortIDSize))
	for i := range b.ShortIDs {
		var id [8]byte
		copy(id[:], r.take(shortIDSize))
		b.ShortIDs[i] = binary.LittleEndian.Uint64(id[:])
	}
	index := -1
	for range r.count(minPrefilled) {
		index += int(r.number(maxTxs-1)) + 1
		tx := r.tx()
		if r.err != nil {
			return nil, r.err
		}
		b.Prefilled = append(b.Prefilled, Prefilled{Index: index, Tx: tx})
	}
	return b, r.end()
}

// Encode is the cmpctblock message of a block, with its coinbase and the
// transactions at the given positions, in ascending order, whole. nonce is to be
// unpredictable: who knows it can make transactions that collide.
func Encode(block *consensus.Block, nonce uint64, prefill []int) []byte {
	var b Block
	raw := make([]byte, 0, headSize+len(block.Txs)*shortIDSize+1024)
	raw = append(raw, block.Raw[:wire.MaxBlockHeaderPayload]...)
	raw = binary.LittleEndian.AppendUint64(raw, nonce)
	b.setKey(raw)
	whole := map[int]bool{0: true}
	for _, i := range prefill {
		whole[i] = i < len(block.Txs)
	}
	raw = appendNumber(raw, len(block.Txs)-countTrue(whole))
	for i, tx := range block.Txs {
		if !whole[i] {
			raw = appendShortID(raw, b.ShortID(&tx.WitnessID))
		}
	}
	raw = appendNumber(raw, countTrue(whole))
	last := -1
	for i, tx := range block.Txs {
		if whole[i] {
			raw = append(appendNumber(raw, i-last-1), tx.Raw()...)
			last = i
		}
	}
	return raw
}

func countTrue(set map[int]bool) (n int) {
	for _, is := range set {
		if is {
			n++
		}
	}
	return n
}

func appendShortID(raw []byte, id uint64) []byte {
	var le [8]byte
	binary.LittleEndian.PutUint64(le[:], id)
	return append(raw, le[:shortIDSize]...)
}

// ParseTxs reads the transactions of a blocktxn message: what follows the hash
// of the block.
func ParseTxs(raw []byte) ([]*consensus.Tx, error) {
	r := &reader{rest: raw}
	n := r.count(minTxSize)
	if r.err == nil && n > maxTxs {
		return nil, fmt.Errorf("%w: %d transactions", ErrMalformed, n)
	}
	txs := make([]*consensus.Tx, 0, n)
	for range n {
		tx := r.tx()
		if r.err != nil {
			return nil, r.err
		}
		txs = append(txs, tx)
	}
	return txs, r.end()
}

// EncodeTxs is the blocktxn message with the transactions of a block at the given
// positions. It is not ok if there is no such position, or if they do not ascend:
// each transaction is told once at most.
func EncodeTxs(block *consensus.Block, indexes []uint16) (raw []byte, ok bool) {
	raw = appendNumber(append([]byte{}, block.Hash[:]...), len(indexes))
	for k, i := range indexes {
		if int(i) >= len(block.Txs) || k > 0 && i <= indexes[k-1] {
			return nil, false
		}
		raw = append(raw, block.Txs[i].Raw()...)
	}
	return raw, true
}
