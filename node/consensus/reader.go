package consensus

import (
	"encoding/binary"
	"errors"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// maxSize is the most bytes or things that a size may tell of (Bitcoin Core's MAX_SIZE).
const maxSize = 0x02000000

// Errors of the reader, with the texts that Bitcoin Core has for them.
var (
	errEndOfData = errors.New("DataStream::read(): end of data")
	errNonCanon  = errors.New("non-canonical ReadCompactSize()")
	errTooLarge  = errors.New("ReadCompactSize(): size too large")
	//lint:ignore ST1005 the text is Bitcoin Core's
	errFlags = errors.New("Unknown transaction optional data")
	//lint:ignore ST1005 the text is Bitcoin Core's
	errSuperfluous = errors.New("Superfluous witness record")
)

// reader takes a serialisation apart. After the first error, which is the one that Bitcoin
// Core finds, all it returns is zero. Scripts are parts of what it reads, and it makes
// room for no more things than can follow.
type reader struct {
	rest []byte
	err  error
}

// fault is the error as it is told to others.
func (r *reader) fault(what string) error {
	var reject *Reject
	if errors.As(r.err, &reject) {
		return reject
	}
	return &Malformed{what, r.err.Error()}
}

func (r *reader) take(n uint64) []byte {
	if r.err == nil && n > uint64(len(r.rest)) {
		r.err = errEndOfData
	}
	if r.err != nil {
		return nil
	}
	taken := r.rest[:n:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// size reads a compact size.
func (r *reader) size() uint64 {
	first := r.take(1)
	if first == nil {
		return 0
	}
	value, least := uint64(first[0]), uint64(0)
	if value >= 0xfd {
		var raw [8]byte
		width := uint64(2) << (value - 0xfd)
		copy(raw[:], r.take(width))
		value = binary.LittleEndian.Uint64(raw[:])
		if least = 0xfd; width > 2 {
			least = 1 << (4 * width)
		}
	}
	switch {
	case r.err != nil:
		return 0
	case value < least:
		r.err = errNonCanon
		return 0
	case value > maxSize:
		r.err = errTooLarge
		return 0
	}
	return value
}

// count reads the number of things that have so many bytes at least.
func (r *reader) count(least uint64) uint64 { return r.bounded(r.size(), least) }

func (r *reader) bounded(n, least uint64) uint64 {
	if r.err == nil && n > uint64(len(r.rest))/least {
		r.err = errEndOfData
	}
	if r.err != nil {
		return 0
	}
	return n
}

func (r *reader) script() []byte { return r.take(r.size()) }

// Flags of a transaction (BIP144).
const witnessFlag = 1

func (r *reader) tx() *wire.MsgTx {
	msg := &wire.MsgTx{Version: int32(r.u32())}
	ins, flags := r.size(), byte(0)
	if ins == 0 && r.err == nil {
		flags = r.flags()
		ins = r.size()
	}
	r.inputs(msg, r.bounded(ins, minTxIn))
	r.outputs(msg, r.count(minTxOut))
	if flags&witnessFlag != 0 {
		r.witnesses(msg)
	}
	if r.err == nil && flags&^witnessFlag != 0 {
		r.err = errFlags
	}
	msg.LockTime = r.u32()
	return msg
}

// flags reads what follows the marker. The zero of a transaction without inputs looks
// like the marker, and the one for no outputs like no flags.
func (r *reader) flags() byte {
	flags := r.take(1)
	if r.err == nil && flags[0] == 0 {
		r.err = Rejectf(Invalid, "bad-txns-vin-empty", "a transaction has no inputs")
	}
	if r.err != nil {
		return 0
	}
	return flags[0]
}

func (r *reader) inputs(msg *wire.MsgTx, n uint64) {
	ins := make([]wire.TxIn, n)
	msg.TxIn = make([]*wire.TxIn, n)
	for i := range ins {
		copy(ins[i].PreviousOutPoint.Hash[:], r.take(chainhash.HashSize))
		ins[i].PreviousOutPoint.Index = r.u32()
		ins[i].SignatureScript = r.script()
		ins[i].Sequence = r.u32()
		msg.TxIn[i] = &ins[i]
	}
}

func (r *reader) outputs(msg *wire.MsgTx, n uint64) {
	outs := make([]wire.TxOut, n)
	msg.TxOut = make([]*wire.TxOut, n)
	for i := range outs {
		outs[i].Value = int64(r.u64())
		outs[i].PkScript = r.script()
		msg.TxOut[i] = &outs[i]
	}
}

func (r *reader) witnesses(msg *wire.MsgTx) {
	for _, in := range msg.TxIn {
		in.Witness = make(wire.TxWitness, r.count(minWitness))
		for i := range in.Witness {
			in.Witness[i] = r.script()
		}
	}
	if r.err == nil && !msg.HasWitness() {
		r.err = errSuperfluous
	}
}
