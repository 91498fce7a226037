package sign_test

import (
	"encoding/hex"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/rawtx"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
)

// engine is btcsuite's interpreter.
func engine(tx *wire.MsgTx, spent []wire.TxOut, index int) error {
	outs := map[wire.OutPoint]*wire.TxOut{}
	for i, in := range tx.TxIn {
		outs[in.PreviousOutPoint] = &spent[i]
	}
	fetcher := txscript.NewMultiPrevOutFetcher(outs)
	vm, err := txscript.NewEngine(spent[index].PkScript, tx, index, txscript.StandardVerifyFlags, nil,
		txscript.NewTxSigHashes(tx, fetcher), spent[index].Value, fetcher)
	if err != nil {
		return err
	}
	return vm.Execute()
}

func secret(n byte, compressed bool) sign.Secret {
	key, _ := btcec.PrivKeyFromBytes([]byte{31: n})
	return sign.Secret{Key: key, Compressed: compressed}
}

func publicKey(n byte) []byte { return secret(n, true).Key.PubKey().SerializeCompressed() }

func longKey(n byte) []byte { return secret(n, true).Key.PubKey().SerializeUncompressed() }

func provider(keys ...byte) *sign.Provider {
	var p sign.Provider
	for _, n := range keys {
		p.AddSecret(secret(n, true))
	}
	return &p
}

// spendingOf spends one output a script.
func spendingOf(scripts ...[]byte) *sign.Spending {
	tx := wire.NewMsgTx(2)
	spent := make([]*wire.TxOut, len(scripts))
	for i, script := range scripts {
		tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: [32]byte{byte(i + 1)}}, Sequence: 0xfffffffd})
		spent[i] = wire.NewTxOut(1e8, script)
	}
	tx.AddTxOut(wire.NewTxOut(1000, []byte{0x51}))
	return sign.NewSpending(tx, spent, engine)
}

// TestKnownAnswers: Bitcoin Core signs the same.
func TestKnownAnswers(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"P2PKH":   {"76a914751e76e8199196d454941c45d1b3a323f1433bd688ac", "02000000010100000000000000000000000000000000000000000000000000000000000000000000006a473044022044d52a0718c28741f588bd14c563fb30d4c5571c010c9eb6b22005f01d671e11022079a80a58622f5a4d5ce01615e187cd5fa3ffc1ac24e7ee25e3643ec35b04629401210279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798fdffffff01e803000000000000015100000000"},
		"P2WPKH":  {"0014751e76e8199196d454941c45d1b3a323f1433bd6", "0200000000010101000000000000000000000000000000000000000000000000000000000000000000000000fdffffff01e80300000000000001510247304402206ea04da3b9b9f36d4ebb2cb1b8f6a9364c1ee1b69307f2e8976c5b9e9e954be70220019aa9e8aa6c6028ce90709f91b1b66f806b9cbacbc6a599b47c5347c42856bb01210279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f8179800000000"},
		"taproot": {"512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798", "0200000000010101000000000000000000000000000000000000000000000000000000000000000000000000fdffffff01e8030000000000000151014021f7c74284d7a323fa278196c63b66cabf1a528d33dcc44c0488390ee0fdf41edf6cdf2c616d5e19f08cb6f049673c054adc32da634fa3cbf130eacf91953d8a00000000"},
	} {
		script, err := hex.DecodeString(c.script)
		require.NoError(t, err)
		s := spendingOf(script)
		require.Empty(t, s.Sign(provider(1), txscript.SigHashDefault), name)
		require.Equal(t, c.want, hex.EncodeToString(rawtx.Encode(s.Tx())), name)
	}
}

var hashTypes = []txscript.SigHashType{
	txscript.SigHashDefault, txscript.SigHashAll, txscript.SigHashNone, txscript.SigHashSingle,
	txscript.SigHashAll | txscript.SigHashAnyOneCanPay, txscript.SigHashNone | txscript.SigHashAnyOneCanPay, txscript.SigHashSingle | txscript.SigHashAnyOneCanPay,
}

func TestEveryTypeIsSigned(t *testing.T) {
	multi := output.MakeMultisig(2, [][]byte{publicKey(1), publicKey(2), publicKey(3)})
	internal := secret(1, true).Key.PubKey()
	tweaked := schnorr.SerializePubKey(txscript.ComputeTaprootKeyNoScript(internal))
	keyHash := address.Hash160(publicKey(1))
	nested := output.PayToWitnessKeyHash(keyHash)
	known := provider(1, 2, 3)
	known.AddSecret(secret(4, false))
	known.AddTaproot(sign.XOnly(tweaked), sign.XOnly(schnorr.SerializePubKey(internal)))
	for _, script := range [][]byte{multi, nested, output.PayToWitnessScriptHash(multi), output.PayToKey(publicKey(1)), output.PayToKeyHash(keyHash)} {
		known.AddScript(script)
	}
	for name, script := range map[string][]byte{
		"P2PK": output.PayToKey(publicKey(1)), "P2PK uncompressed": output.PayToKey(longKey(4)),
		"P2PKH": output.PayToKeyHash(keyHash), "P2PKH uncompressed": output.PayToKeyHash(address.Hash160(longKey(4))),
		"multisig": multi, "P2SH multisig": output.PayToScriptHash(multi), "P2SH-P2PK": output.PayToScriptHash(output.PayToKey(publicKey(1))),
		"P2WPKH": nested, "P2SH-P2WPKH": output.PayToScriptHash(nested),
		"P2WSH multisig": output.PayToWitnessScriptHash(multi), "P2SH-P2WSH": output.PayToScriptHash(output.PayToWitnessScriptHash(multi)),
		"P2WSH-P2PKH": output.PayToWitnessScriptHash(output.PayToKeyHash(keyHash)),
		"P2TR":        output.PayToTaproot(tweaked), "raw P2TR": output.PayToTaproot(schnorr.SerializePubKey(internal)),
	} {
		for _, kind := range hashTypes {
			s := spendingOf(script)
			require.Empty(t, s.Sign(known, kind), "%s %x", name, kind)
			in := s.Tx().TxIn[0]
			require.NoError(t, s.Check(0, in.SignatureScript, in.Witness))
			require.Empty(t, s.Sign(&sign.Provider{}, kind), "it is complete without keys")
		}
	}
	known.Zero()
	require.Len(t, spendingOf(nested).Sign(known, txscript.SigHashAll), 1, "a wiped key signs nothing")
}

func TestWhatIsMissing(t *testing.T) {
	multi := output.MakeMultisig(2, [][]byte{publicKey(1), publicKey(2)})
	witness := output.PayToWitnessScriptHash(multi)
	of := func(p *sign.Provider, script []byte) sign.Data {
		var data sign.Data
		require.False(t, sign.Produce(p, spendingOf(script).Input(0, txscript.SigHashAll), script, &data))
		return data
	}
	id := sign.IDOf(publicKey(1))
	require.Equal(t, []sign.KeyID{id}, of(provider(2), output.PayToKeyHash(id[:])).Missing.Keys)
	var hidden sign.Provider
	hidden.AddSecret(secret(1, true))
	hidden.HideSecrets = true
	require.Equal(t, []sign.KeyID{id}, of(&hidden, output.PayToKeyHash(id[:])).Missing.Signatures)
	require.Equal(t, []sign.KeyID{sign.IDOf(publicKey(2))}, of(provider(1), multi).Missing.Signatures)
	redeem := sign.IDOf(multi)
	require.Equal(t, &redeem, of(provider(1, 2), output.PayToScriptHash(multi)).Missing.RedeemScript)
	require.Equal(t, (*[32]byte)(witness[2:]), of(provider(1, 2), witness).Missing.WitnessScript)
	uncompressed := &sign.Provider{}
	uncompressed.AddSecret(secret(1, false))
	long := sign.IDOf(longKey(1))
	require.Equal(t, []sign.KeyID{long}, of(uncompressed, output.PayToWitnessKeyHash(long[:])).Missing.Signatures, "not in a witness")
}

func TestSignaturesAreCombined(t *testing.T) {
	multi := output.MakeMultisig(2, [][]byte{publicKey(1), publicKey(2), publicKey(3)})
	witness := output.PayToWitnessScriptHash(multi)
	for name, script := range map[string][]byte{
		"bare": multi, "P2SH": output.PayToScriptHash(multi), "P2WSH": witness, "P2SH-P2WSH": output.PayToScriptHash(witness),
	} {
		attempt := func(n byte) *wire.TxIn {
			s, known := spendingOf(script), provider(n)
			known.AddScript(multi)
			known.AddScript(witness)
			faults := s.Sign(known, txscript.SigHashAll)
			require.Len(t, faults, 1)
			return s.Tx().TxIn[0]
		}
		s := spendingOf(script)
		scriptSig, stack := s.Combine(0, []*wire.TxIn{attempt(3), {}, attempt(1)})
		require.NoError(t, s.Check(0, scriptSig, stack), name)
		scriptSig, stack = s.Combine(0, []*wire.TxIn{attempt(2), attempt(2)})
		require.Error(t, s.Check(0, scriptSig, stack), name)
		again, stack := s.Combine(0, []*wire.TxIn{{SignatureScript: scriptSig, Witness: stack}, attempt(1)})
		require.NoError(t, s.Check(0, again, stack), name)
	}
}

func TestSingleWithoutAnOutputIsNotSigned(t *testing.T) {
	script := output.PayToKeyHash(address.Hash160(publicKey(1)))
	s := spendingOf(script, script)
	require.Contains(t, s.Sign(provider(1), txscript.SigHashSingle), 1)
	require.Empty(t, s.Tx().TxIn[1].SignatureScript)
	require.NotEmpty(t, s.Tx().TxIn[0].SignatureScript)
	// Nor by who signs one input: the number 1 would be signed, which holds for any
	// transaction.
	var data sign.Data
	require.False(t, sign.Produce(provider(1), s.Input(1, txscript.SigHashSingle), script, &data))
	require.Empty(t, data.Signatures)
	require.True(t, sign.Produce(provider(1), s.Input(1, txscript.SigHashAll), script, &data))
}

func TestTaprootNeedsAllThatIsSpent(t *testing.T) {
	key := schnorr.SerializePubKey(secret(1, true).Key.PubKey())
	tx := spendingOf(output.PayToTaproot(key), nil).Tx()
	s := sign.NewSpending(tx, []*wire.TxOut{wire.NewTxOut(1e8, output.PayToTaproot(key)), nil}, engine)
	for _, kind := range hashTypes {
		faults := s.Sign(provider(1), kind)
		require.Equal(t, sign.NotFound, faults[1])
		require.Contains(t, faults, 0)
		require.Empty(t, tx.TxIn[0].Witness)
	}
}
