package consensus

import (
	"bytes"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Sizes and amounts that consensus knows.
const (
	Coin               = 100_000_000
	MaxMoney           = 21_000_000 * Coin
	MaxBlockWeight     = 4_000_000
	MaxBlockSigOpsCost = 80_000
	WitnessScale       = 4
	MaxFutureSeconds   = 2 * 60 * 60
	// MaxTimewarpSeconds is how far the first block of a period may lie
	// before its parent where BIP94 is in force.
	MaxTimewarpSeconds = 600
)

// Block is a parsed block with its hashes. It must not be changed.
type Block struct {
	Header wire.BlockHeader
	Hash   chainhash.Hash
	Txs    []*Tx
	Raw    []byte // as parsed, with witness data

	checked   bool // CheckBlock passed
	rooted    bool // CheckMerkle did
	committed bool // the witnesses are those that the coinbase commits to
}

// Tx is a parsed transaction with its hashes. It must not be changed.
type Tx struct {
	*wire.MsgTx
	ID           chainhash.Hash // txid
	WitnessID    chainhash.Hash // wtxid
	Size         int            // bytes with witness data
	StrippedSize int            // bytes without
}

// Weight is as BIP141 defines it.
func (t *Tx) Weight() int { return t.StrippedSize*(WitnessScale-1) + t.Size }

// IsCoinbase reports whether the transaction has the form of a coinbase.
func (t *Tx) IsCoinbase() bool {
	return len(t.TxIn) == 1 && isNull(&t.TxIn[0].PreviousOutPoint)
}

func isNull(op *wire.OutPoint) bool {
	return op.Index == 1<<32-1 && op.Hash == chainhash.Hash{}
}

// Raw serialises with witness data.
func (t *Tx) Raw() []byte {
	b := bytes.NewBuffer(make([]byte, 0, t.Size))
	// A bytes.Buffer does not fail.
	_ = t.Serialize(b)
	return b.Bytes()
}

// Stripped serialises without witness data.
func (t *Tx) Stripped() []byte {
	b := bytes.NewBuffer(make([]byte, 0, t.StrippedSize))
	// A bytes.Buffer does not fail.
	_ = t.SerializeNoWitness(b)
	return b.Bytes()
}

// ParseBlock parses a block's serialisation, which it keeps. A transaction
// without inputs is refused with a *Reject, what cannot be read with a *Malformed.
func ParseBlock(raw []byte) (*Block, error) {
	b, rest, err := TakeBlock(raw)
	if err == nil && len(rest) > 0 {
		return nil, follows("block", rest)
	}
	return b, err
}

// TakeBlock is ParseBlock for the block that raw begins with, and returns what
// follows.
func TakeBlock(raw []byte) (b *Block, rest []byte, err error) {
	if len(raw) > MaxBlockWeight {
		return takeLargeBlock(raw)
	}
	if err := checkBlockCounts(raw); err != nil {
		return nil, nil, faultOfBlock(raw, err)
	}
	var msg wire.MsgBlock
	r := bytes.NewBuffer(raw)
	locations, err := msg.DeserializeTxLoc(r)
	if err != nil {
		return nil, nil, faultOfBlock(raw, err)
	}
	size := len(raw) - r.Len()
	b = &Block{Header: msg.Header, Raw: raw[:size:size], Hash: chainhash.DoubleHashH(raw[:wire.MaxBlockHeaderPayload])}
	b.Txs = make([]*Tx, len(msg.Transactions))
	txs := make([]Tx, len(msg.Transactions))
	for i, tx := range msg.Transactions {
		b.Txs[i] = &txs[i]
		txs[i].set(tx, raw[locations[i].TxStart:locations[i].TxStart+locations[i].TxLen])
	}
	return b, raw[size:], nil
}

// NewBlock makes a Block of parts.
func NewBlock(header wire.BlockHeader, txs []*Tx) *Block {
	size := wire.MaxBlockHeaderPayload + wire.VarIntSerializeSize(uint64(len(txs)))
	for _, tx := range txs {
		size += tx.Size
	}
	b := bytes.NewBuffer(make([]byte, 0, size))
	// A bytes.Buffer does not fail.
	_ = header.Serialize(b)
	_ = wire.WriteVarInt(b, 0, uint64(len(txs)))
	for _, tx := range txs {
		_ = tx.Serialize(b)
	}
	return &Block{Header: header, Hash: header.BlockHash(), Txs: txs, Raw: b.Bytes()}
}

// ParseTx parses a transaction. One without inputs is refused with a *Reject,
// what cannot be read with a *Malformed.
func ParseTx(raw []byte) (*Tx, error) {
	tx, rest, err := TakeTx(raw)
	if err == nil && len(rest) > 0 {
		return nil, follows("transaction", rest)
	}
	return tx, err
}

// TakeTx is ParseTx for the transaction that raw begins with, and returns what
// follows.
func TakeTx(raw []byte) (tx *Tx, rest []byte, err error) {
	if err := checkTxCounts(raw); err != nil {
		return nil, nil, faultOfTx(raw, err)
	}
	var msg wire.MsgTx
	r := bytes.NewReader(raw)
	if err := msg.Deserialize(r); err != nil {
		return nil, nil, faultOfTx(raw, err)
	}
	size := len(raw) - r.Len()
	tx = &Tx{}
	tx.set(&msg, raw[:size])
	return tx, raw[size:], nil
}

// NewTx hashes a transaction, which must not be changed any more.
func NewTx(msg *wire.MsgTx) *Tx {
	tx := &Tx{MsgTx: msg, ID: msg.TxHash(), Size: msg.SerializeSize(), StrippedSize: msg.SerializeSizeStripped()}
	tx.WitnessID = tx.ID
	if msg.HasWitness() {
		tx.WitnessID = msg.WitnessHash()
	}
	return tx
}

// set hashes the bytes rather than serialising anew.
func (t *Tx) set(msg *wire.MsgTx, raw []byte) {
	t.MsgTx, t.Size, t.StrippedSize = msg, len(raw), msg.SerializeSizeStripped()
	t.WitnessID = chainhash.DoubleHashH(raw)
	t.ID = t.WitnessID
	if msg.HasWitness() {
		t.ID = msg.TxHash()
	}
}

// StrippedSize is the bytes without witness data.
func (b *Block) StrippedSize() int {
	size := wire.MaxBlockHeaderPayload + wire.VarIntSerializeSize(uint64(len(b.Txs)))
	for _, tx := range b.Txs {
		size += tx.StrippedSize
	}
	return size
}

// Weight is as BIP141 defines it.
func (b *Block) Weight() int { return b.StrippedSize()*(WitnessScale-1) + len(b.Raw) }

// Stripped serialises without witness data.
func (b *Block) Stripped() []byte {
	out := bytes.NewBuffer(make([]byte, 0, b.StrippedSize()))
	// A bytes.Buffer does not fail.
	_ = b.Header.Serialize(out)
	_ = wire.WriteVarInt(out, 0, uint64(len(b.Txs)))
	for _, tx := range b.Txs {
		_ = tx.SerializeNoWitness(out)
	}
	return out.Bytes()
}

// HasWitness reports whether any transaction has witness data.
func (b *Block) HasWitness() bool {
	for _, tx := range b.Txs {
		if tx.HasWitness() {
			return true
		}
	}
	return false
}
