package main

import (
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// kind is a way to lock outputs and to spend them.
type kind struct {
	name string
	// input is the weight of an input that spends one, with signatures of the
	// greatest length; extra is what a coin's own data adds to it.
	input int
	extra func(owner) int
	// inputSigOps and outputSigOps are costs of signature operations (BIP141).
	inputSigOps, outputSigOps int
	// salted says that each output has a script of its own.
	salted bool
	// delay is the relative lock time in blocks (BIP68) that the spending
	// branch asks for; nil for none.
	delay  func(owner) uint32
	script func(owner) []byte
	unlock func(*input) error
}

// coin is an output that can be spent.
type coin struct {
	at      wire.OutPoint
	value   int64
	kind    *kind
	account uint16
	salt    uint32
	script  []byte
	// from is the payment that makes it, nil when that is in a block. The
	// payment's id, and with it at, is known when that is signed.
	from *payment
}

func (w *wallet) owner(c coin) owner { return owner{w.accounts, c.account, c.salt} }

// delay is how many blocks a coin has to wait.
func (w *wallet) delay(c coin) uint32 {
	if c.kind.delay == nil {
		return 0
	}
	return c.kind.delay(w.owner(c))
}

// replaceable is BIP125's sign; it leaves lock times in force (BIP65) and
// relative ones out (BIP68).
const replaceable = wire.MaxTxInSequenceNum - 2

func (w *wallet) sequence(c coin) uint32 {
	if delay := w.delay(c); delay > 0 {
		return delay
	}
	return replaceable
}

func (w *wallet) inputWeight(c coin) int {
	if c.kind.extra == nil {
		return c.kind.input
	}
	return c.kind.input + c.kind.extra(w.owner(c))
}

// outputWeight is that of scripts below 253 bytes.
func outputWeight(script []byte) int { return 4 * (8 + 1 + len(script)) }

// compose returns what a builder made. It fails beyond 10,000 bytes, which no
// script here has.
func compose(b *txscript.ScriptBuilder) []byte {
	script, _ := b.Script()
	return script
}

// script starts one.
func script() *txscript.ScriptBuilder { return txscript.NewScriptBuilder() }
