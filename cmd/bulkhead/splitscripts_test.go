package main_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// splitKey is the key of all who can sign.
var splitKey, splitPubKey = btcec.PrivKeyFromBytes(bytes.Repeat([]byte{7}, 32))

// payToScriptHash is the script of BIP16.
func payToScriptHash(redeem []byte) []byte {
	return slices.Concat([]byte{txscript.OP_HASH160, 20}, address.Hash160(redeem), []byte{txscript.OP_EQUAL})
}

// pushed is a script of the shortest pushes.
func pushed(parts ...[]byte) (script []byte) {
	for _, part := range parts {
		if len(part) > txscript.OP_DATA_75 {
			script = append(script, txscript.OP_PUSHDATA1)
		}
		script = append(append(script, byte(len(part))), part...)
	}
	return script
}

// findAndDeleteSplits have a signature in the script that it signs. It was there before
// what it signs: whichever hash that has, it is right for the key recovered from both.
func findAndDeleteSplits(t testing.TB) (list []split) {
	compact := ecdsa.SignCompact(splitKey, bytes.Repeat([]byte{7}, 32), true)
	sig := append(ecdsa.Sign(splitKey, bytes.Repeat([]byte{7}, 32)).Serialize(), byte(txscript.SigHashAll))
	end := []byte{txscript.OP_DROP, txscript.OP_CHECKSIG}
	spend := func(redeem, signed []byte) func(testing.TB, *wire.MsgTx) {
		return func(t testing.TB, tx *wire.MsgTx) {
			hash, err := txscript.CalcSignatureHash(signed, txscript.SigHashAll, tx, 0)
			require.NoError(t, err)
			key, _, err := ecdsa.RecoverCompact(compact, hash)
			require.NoError(t, err)
			tx.TxIn[0].SignatureScript = pushed(sig, key.SerializeCompressed(), redeem)
		}
	}
	longer := slices.Concat(pushed(append(sig[:len(sig):len(sig)], 7)), end)
	equal := slices.Concat(pushed(sig), end)
	spelled := slices.Concat([]byte{txscript.OP_PUSHDATA1}, pushed(sig), end)
	const untrue = "Script evaluated without error but finished with a false/empty top stack element"
	return []split{
		{"a push that contains the signature (CVE-2024-38365)", payToScriptHash(longer), spend(longer, longer), ""},
		{"a push that contains the signature, not signed", payToScriptHash(longer), spend(longer, end), scriptFailure(untrue)},
		{"a push of the signature, not signed", payToScriptHash(equal), spend(equal, end), ""},
		{"a push of the signature, signed", payToScriptHash(equal), spend(equal, equal), scriptFailure(untrue)},
		{"a longer push of the signature", payToScriptHash(spelled), spend(spelled, spelled), ""},
	}
}

// nestedSplits are witness programs in P2SH.
func nestedSplits(t testing.TB) []split {
	key := append([]byte{txscript.OP_0, 20}, address.Hash160(splitPubKey.SerializeCompressed())...)
	hash := append([]byte{txscript.OP_0, 32}, bytes.Repeat([]byte{7}, 32)...)
	signed := func(sigScript []byte) func(testing.TB, *wire.MsgTx) {
		return func(t testing.TB, tx *wire.MsgTx) {
			hashes := txscript.NewTxSigHashes(tx, txscript.NewCannedPrevOutputFetcher(payToScriptHash(key), splitValue))
			witness, err := txscript.WitnessSignature(tx, hashes, 0, splitValue, key, txscript.SigHashAll, splitKey, true)
			require.NoError(t, err)
			tx.TxIn[0].Witness, tx.TxIn[0].SignatureScript = witness, sigScript
		}
	}
	unsigned := func(sigScript []byte) func(testing.TB, *wire.MsgTx) {
		return func(_ testing.TB, tx *wire.MsgTx) { tx.TxIn[0].SignatureScript = sigScript }
	}
	spelled := append([]byte{txscript.OP_PUSHDATA1}, pushed(key)...)
	behind := append([]byte{txscript.OP_1}, pushed(key)...)
	const malleated = "Witness requires only-redeemscript scriptSig"
	return []split{
		{"P2SH-P2WPKH", payToScriptHash(key), signed(pushed(key)), ""},
		{"P2SH-P2WPKH without a witness", payToScriptHash(key), unsigned(pushed(key)), scriptFailure("Witness program hash mismatch")},
		{"P2SH-P2WSH without a witness", payToScriptHash(hash), unsigned(pushed(hash)), scriptFailure("Witness program was passed an empty witness")},
		{"P2SH-P2WPKH by PUSHDATA1", payToScriptHash(key), signed(spelled), scriptFailure(malleated)},
		{"P2SH-P2WPKH by PUSHDATA1 without a witness", payToScriptHash(key), unsigned(spelled), scriptFailure(malleated)},
		{"P2SH-P2WPKH behind another push", payToScriptHash(key), signed(behind), scriptFailure(malleated)},
		{"P2SH-P2WPKH behind another push without a witness", payToScriptHash(key), unsigned(behind), scriptFailure(malleated)},
	}
}

// leaf is an output with one tapscript, and its control block.
func leaf(t testing.TB, tapscript []byte) (pkScript, control []byte) {
	tree := txscript.AssembleTaprootScriptTree(txscript.NewBaseTapLeaf(tapscript))
	root := tree.RootNode.TapHash()
	pkScript, err := txscript.PayToTaprootScript(txscript.ComputeTaprootOutputKey(splitPubKey, root[:]))
	require.NoError(t, err)
	block := tree.LeafMerkleProofs[0].ToControlBlock(splitPubKey)
	control, err = block.ToBytes()
	require.NoError(t, err)
	return pkScript, control
}

// leafSplit is one by a tapscript, with what it runs on.
func leafSplit(t testing.TB, name string, tapscript []byte, refused string, stack ...[]byte) split {
	pkScript, control := leaf(t, tapscript)
	return split{name, pkScript, func(_ testing.TB, tx *wire.MsgTx) {
		tx.TxIn[0].Witness = slices.Concat(stack, [][]byte{tapscript, control})
	}, refused}
}

// tapscriptSplits are those of limits: of numbers and sizes that some had a bound for.
func tapscriptSplits(t testing.TB) []split {
	const items, largest = 500_003, 3_900_000
	unknown := []byte{txscript.OP_RESERVED} // a success, whatever there is (BIP342)
	many, one := make([][]byte, items-2), bytes.Repeat([]byte{1}, largest)
	return []split{
		leafSplit(t, "500,003 items of a witness", unknown, "", many...),
		leafSplit(t, "as many items as there may be in a script that runs", slices.Concat(bytes.Repeat([]byte{txscript.OP_2DROP}, 500), anyone), "", many[:1000]...),
		leafSplit(t, "more items than there may be in a script that runs", anyone, scriptFailure("Stack size limit exceeded"), many[:1001]...),
		leafSplit(t, "an item that fills a block", unknown, "", one),
		leafSplit(t, "an item that is too large for a script that runs", []byte{txscript.OP_DROP, txscript.OP_TRUE}, scriptFailure("Push value size limit exceeded"), one[:521]),
		leafSplit(t, "an empty key in a tapscript", []byte{txscript.OP_0, txscript.OP_CHECKSIG, txscript.OP_NOT}, scriptFailure("Empty public key in tapscript"), nil),
		ninehundredninetyeight(t),
	}
}

// ninehundredninetyeight is 998 of 999, with a script longer than those before BIP342
// may be.
func ninehundredninetyeight(t testing.TB) split {
	const needed, keys = 998, 999
	b := txscript.NewScriptBuilder()
	// A builder stops where scripts before BIP342 had to.
	tapscript := slices.Concat([]byte{32}, schnorr.SerializePubKey(splitPubKey), []byte{txscript.OP_CHECKSIG})
	for range keys - 1 {
		tapscript = slices.Concat(tapscript, []byte{32}, schnorr.SerializePubKey(splitPubKey), []byte{txscript.OP_CHECKSIGADD})
	}
	tapscript = append(tapscript, script(t, b.AddInt64(needed).AddOp(txscript.OP_NUMEQUAL))...)
	pkScript, control := leaf(t, tapscript)
	return split{"998 of 999 signatures", pkScript, func(t testing.TB, tx *wire.MsgTx) {
		outputs := txscript.NewCannedPrevOutputFetcher(pkScript, splitValue)
		hash, err := txscript.CalcTapscriptSignaturehash(txscript.NewTxSigHashes(tx, outputs), txscript.SigHashDefault, tx, 0, outputs, txscript.NewBaseTapLeaf(tapscript))
		require.NoError(t, err)
		sig, err := schnorr.Sign(splitKey, hash)
		require.NoError(t, err)
		witness := wire.TxWitness{nil}
		for range needed {
			witness = append(witness, sig.Serialize())
		}
		tx.TxIn[0].Witness = append(witness, tapscript, control)
	}, ""}
}
