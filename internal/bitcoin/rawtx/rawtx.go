package rawtx

import (
	"bytes"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/serial"
	"github.com/bulkheadnode/bulkhead/internal/wording"
)

// The errors of reading witnesses, with Bitcoin Core's texts.
var (
	ErrSuperfluous = wording.Errorf("Superfluous witness record")
	ErrUnknownFlag = wording.Errorf("Unknown transaction optional data")
)

// hasWitness is the flag of BIP144.
const hasWitness = 1

// Take reads a transaction; with witness, one that may have them. It is nil if the
// reader fails.
func Take(r *serial.Reader, witness bool) *wire.MsgTx {
	tx := &wire.MsgTx{Version: int32(r.Uint32())}
	takeInputs(r, tx)
	flags := byte(0)
	if len(tx.TxIn) == 0 && witness {
		if flags = r.Byte(); flags != 0 {
			takeInputs(r, tx)
			takeOutputs(r, tx)
		}
	} else {
		takeOutputs(r, tx)
	}
	if flags&hasWitness != 0 {
		takeWitnesses(r, tx)
		if !tx.HasWitness() {
			r.Fail(ErrSuperfluous)
		}
	}
	if flags&^hasWitness != 0 {
		r.Fail(ErrUnknownFlag)
	}
	tx.LockTime = r.Uint32()
	if r.Err() != nil {
		return nil
	}
	return tx
}

func takeInputs(r *serial.Reader, tx *wire.MsgTx) {
	for n := r.CompactSize(); n > 0 && r.Err() == nil; n-- {
		in := &wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: r.Hash(), Index: r.Uint32()}}
		in.SignatureScript, in.Sequence = r.VarBytes(), r.Uint32()
		tx.TxIn = append(tx.TxIn, in)
	}
}

func takeOutputs(r *serial.Reader, tx *wire.MsgTx) {
	for n := r.CompactSize(); n > 0 && r.Err() == nil; n-- {
		tx.TxOut = append(tx.TxOut, TakeOutput(r))
	}
}

// TakeOutput reads an output.
func TakeOutput(r *serial.Reader) *wire.TxOut {
	return &wire.TxOut{Value: int64(r.Uint64()), PkScript: r.VarBytes()}
}

func takeWitnesses(r *serial.Reader, tx *wire.MsgTx) {
	for _, in := range tx.TxIn {
		in.Witness = TakeStack(r)
	}
}

// TakeStack reads the witness of an input, nil if it has no elements.
func TakeStack(r *serial.Reader) (stack wire.TxWitness) {
	for n := r.CompactSize(); n > 0 && r.Err() == nil; n-- {
		stack = append(stack, r.VarBytes())
	}
	return stack
}

// AppendStack appends the witness of an input.
func AppendStack(b []byte, stack wire.TxWitness) []byte {
	b = serial.AppendCompactSize(b, uint64(len(stack)))
	for _, element := range stack {
		b = serial.AppendVarBytes(b, element)
	}
	return b
}

// AppendLegacy appends a transaction without its witnesses.
func AppendLegacy(b []byte, tx *wire.MsgTx) []byte {
	raw := bytes.NewBuffer(b)
	// A bytes.Buffer does not fail.
	_ = tx.SerializeNoWitness(raw)
	return raw.Bytes()
}

// Encode returns the bytes of a transaction, with witnesses if it has any.
func Encode(tx *wire.MsgTx) []byte {
	if !tx.HasWitness() {
		return AppendLegacy(nil, tx)
	}
	var raw bytes.Buffer
	_ = tx.Serialize(&raw)
	return raw.Bytes()
}

// Decode reads all of raw in one of the forms that may be tried. If both fit, it is the
// one with witnesses, unless only the scripts of the other make sense.
func Decode(raw []byte, legacy, witness bool) (*wire.MsgTx, bool) {
	var extended, plain *wire.MsgTx
	if witness {
		extended = whole(raw, true)
		if extended != nil && plausible(extended) {
			return extended, true
		}
	}
	if legacy {
		plain = whole(raw, false)
		if plain != nil && plausible(plain) {
			return plain, true
		}
	}
	if extended != nil {
		return extended, true
	}
	return plain, plain != nil
}

func whole(raw []byte, witness bool) *wire.MsgTx {
	r := serial.NewReader(raw)
	tx := Take(r, witness)
	if r.Len() > 0 {
		return nil
	}
	return tx
}

// plausible reports whether all scripts could be executed.
func plausible(tx *wire.MsgTx) bool {
	coinbase := len(tx.TxIn) == 1 && tx.TxIn[0].PreviousOutPoint == wire.OutPoint{Index: wire.MaxPrevOutIndex}
	for _, in := range tx.TxIn {
		if !coinbase && !executable(in.SignatureScript) {
			return false
		}
	}
	for _, out := range tx.TxOut {
		if !executable(out.PkScript) {
			return false
		}
	}
	return true
}

func executable(script []byte) bool {
	return len(script) <= txscript.MaxScriptSize && output.ValidOps(script)
}
