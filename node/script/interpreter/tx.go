package interpreter

import (
	"sync"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/signature"
)

// Tx is what the inputs of one transaction share. It may be used by several
// goroutines, and neither the transaction nor what it spends may change
// meanwhile.
type Tx struct {
	tx    *wire.MsgTx
	spent []wire.TxOut

	legacy  legacyParts
	witness witnessParts
}

// NewTx prepares to verify the inputs of a transaction. spent are the outputs
// that they spend, in order; amounts are in satoshi. Nothing is computed before an
// input needs it.
func NewTx(tx *wire.MsgTx, spent []wire.TxOut) *Tx { return &Tx{tx: tx, spent: spent} }

// Verify runs the script of an input. If it is not valid under the rules that
// flags select, the error is an *Error. ScriptVerifyWitness has a meaning only
// together with ScriptBip16, and ScriptVerifyCleanStack only with both.
func (t *Tx) Verify(index int, flags txscript.ScriptFlags) error {
	return t.VerifyBy(signature.VerifySchnorr, index, flags)
}

// VerifyBy is Verify with another verifier for the signature of a taproot key
// path. That is all that such a spend consists of and the last that is looked at: if
// the verifier says that it is valid, so is the input. Whoever finds out later can
// therefore say so and remember the input. key and sig are parts of the transaction
// and what it spends; hash is valid until the verifier returns.
func (t *Tx) VerifyBy(keyPath func(key, sig, hash []byte) bool, index int, flags txscript.ScriptFlags) error {
	m := machines.Get().(*machine)
	m.tx, m.index, m.flags, m.keyPath = t, index, flags, keyPath
	err := m.verify()
	m.release()
	if err != nil {
		return err
	}
	return nil
}

// witnessParts are hashes that signatures of witnesses share (BIP143, BIP341):
// single SHA256 of what the names say, and double.
type witnessParts struct {
	once, spentOnce              sync.Once
	prevouts, sequences, outputs [2][32]byte
	amounts, scripts             [32]byte
}
