package main

import (
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// tinyKind is a chain of 40 inputs of a kind.
func tinyKind(k *kind) kindShape {
	return kindShape{Kind: k, stages: stages{
		Seed: 1, Funding: 110, Fanout: 2, PerBlock: 20, Waiting: toSelfDelay, Spending: 2, Burying: 1,
	}}
}

// kindOf tells an output's kind by its script and by what unlocks it.
func kindOf(in *wire.TxIn, script []byte) *kind {
	stack := in.Witness
	switch txscript.GetScriptClass(script) {
	case txscript.PubKeyHashTy:
		return p2pkh
	case txscript.MultiSigTy:
		return bareMultisig
	case txscript.ScriptHashTy:
		if len(stack) > 0 {
			return nestedP2WPKH
		}
		return p2shMultisig
	case txscript.WitnessV0PubKeyHashTy:
		return p2wpkh
	case txscript.WitnessV0ScriptHashTy:
		return map[byte]*kind{
			txscript.OP_2: p2wshMulti, txscript.OP_IF: toLocal, txscript.OP_DUP: htlc,
		}[stack[len(stack)-1][0]]
	}
	switch {
	case len(stack) == 1:
		return p2trKey
	case len(stack) == 5:
		return p2trMulti
	case len(stack[1]) > leastContent:
		return inscription
	}
	return p2trLeaf
}

func TestEveryKindIsSpentAsPolicyAllows(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			shape, inputs := tinyKind(k), 0
			readAgain(t, shape, func(tx *wire.MsgTx, i int, spent placed, height int32) {
				if shape.spending(height) {
					require.Same(t, k, kindOf(tx.TxIn[i], spent.out.PkScript))
					inputs++
				}
			})
			require.Equal(t, 40, inputs)
		})
	}
}

func TestTheChainOfNoKindIsEmpty(t *testing.T) {
	readAgain(t, tinyKind(nil), func(*wire.MsgTx, int, placed, int32) { require.Fail(t, "an input") })
}

// spend signs a payment of a coin to a P2WPKH output.
func spend(t *testing.T, w *wallet, c coin) *payment {
	t.Helper()
	p := newPayment()
	c.value, c.at.Hash = 5000, [32]byte{1}
	p.take(c, w.sequence(c))
	p.add(w.mint(p2wpkh, 0, 0))
	require.NoError(t, w.sign(p))
	return p
}

func TestWeightsOfKindsAreThoseOfTheLongestSignatures(t *testing.T) {
	const counts = 4 * (2 + 2) // the frame has room for longer ones
	w := newWallet(1)
	for _, k := range kinds {
		for salt := range uint32(20) {
			p := spend(t, w, w.mint(k, uint16(salt), salt<<14))
			spare := w.weight(p) - counts - consensus.NewTx(p.tx).Weight()
			if len(p.tx.TxIn[0].Witness) == 0 {
				spare -= 3 // marker and flag, and the witness of this input
			}
			require.GreaterOrEqual(t, spare, 0, "%s, salt %d", k.name, salt)
			require.LessOrEqual(t, spare, 24, "%s, salt %d", k.name, salt)
		}
	}
}

func TestSignatureOperationsOfKindsCostWhatConsensusCounts(t *testing.T) {
	w := newWallet(1)
	for _, k := range kinds {
		for salt := range uint32(3) {
			c := w.mint(k, 1, salt<<15)
			p := spend(t, w, c)
			spent := []coins.Coin{{Script: c.script}}
			cost := consensus.SigOpsCost(consensus.NewTx(p.tx), spent, txscript.StandardVerifyFlags)
			require.Equal(t, k.inputSigOps, cost, k.name)
			p.add(c)
			cost = consensus.SigOpsCost(consensus.NewTx(p.tx), spent, txscript.StandardVerifyFlags)
			require.Equal(t, k.inputSigOps+k.outputSigOps, cost, k.name)
		}
	}
}

func TestFewSignaturesLeaveSomethingOpen(t *testing.T) {
	w := newWallet(1)
	count := map[txscript.SigHashType]int{}
	for salt := range uint32(100) {
		sig := spend(t, w, w.mint(p2wpkh, 1, salt<<8)).tx.TxIn[0].Witness[0]
		count[txscript.SigHashType(sig[len(sig)-1])]++
	}
	require.Equal(t, map[txscript.SigHashType]int{
		txscript.SigHashAll: 97, txscript.SigHashSingle | txscript.SigHashAnyOneCanPay: 2, txscript.SigHashNone: 1,
	}, count)
}

func TestBothBranchesOfLightningOutputsAreTaken(t *testing.T) {
	w := newWallet(1)
	const other = 1 << 16
	require.Equal(t, uint32(toSelfDelay), w.delay(w.mint(toLocal, 0, 0)))
	require.Zero(t, w.delay(w.mint(toLocal, 0, other)))
	require.Empty(t, spend(t, w, w.mint(toLocal, 0, 0)).tx.TxIn[0].Witness[1], "the delayed key")
	require.Equal(t, []byte{1}, spend(t, w, w.mint(toLocal, 0, other)).tx.TxIn[0].Witness[1], "the revocation key")
	require.Len(t, spend(t, w, w.mint(htlc, 0, 0)).tx.TxIn[0].Witness[3], 32, "success")
	require.Empty(t, spend(t, w, w.mint(htlc, 0, other)).tx.TxIn[0].Witness[3], "timeout")
}
