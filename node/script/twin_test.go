package script

import (
	"testing"

	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// signedByKey spends <key> CHECKSIG with a signature in the encoding that encode
// makes of its integers.
func signedByKey(t testing.TB, flags txscript.ScriptFlags, encode func(r, s []byte) []byte) *Job {
	t.Helper()
	key := testKey(1)
	j := &Job{Tx: wire.NewMsgTx(1), Flags: flags}
	j.Spent = []wire.TxOut{{Value: 5, PkScript: append(pushes(key.PubKey().SerializeCompressed()), txscript.OP_CHECKSIG)}}
	j.Tx.AddTxIn(&wire.TxIn{})
	j.Tx.AddTxOut(&wire.TxOut{})
	hash, err := txscript.CalcSignatureHash(j.Spent[0].PkScript, txscript.SigHashAll, j.Tx, 0)
	require.NoError(t, err)
	sig := ecdsa.Sign(key, hash)
	r, s := sig.R(), sig.S()
	rBytes, sBytes := r.Bytes(), s.Bytes()
	item := append(encode(rBytes[:], sBytes[:]), byte(txscript.SigHashAll))
	j.Tx.TxIn[0].SignatureScript = append([]byte{txscript.OP_PUSHDATA1, byte(len(item))}, item...)
	return j
}

// longAndPadded has 129 bytes. Bitcoin Core takes the length for the mark of a
// long one, reads on behind what would be its bytes, and finds no integer there;
// btcd's engine reads it as it is.
func longAndPadded(r, s []byte) []byte {
	sig := append([]byte{0x30, 129, 2, 62}, make([]byte, 30)...)
	sig = append(append(sig, r...), 2, 63)
	return append(append(sig, make([]byte, 31)...), s...)
}

func TestWhatOnlyOneInterpreterRefusesIsAcceptedAndTold(t *testing.T) {
	var told []string
	v := New(Config{Disagreed: func(evidence string) { told = append(told, evidence) }})
	job := signedByKey(t, txscript.ScriptBip16, longAndPadded)
	require.NoError(t, v.Verify([]Job{*job}, false))
	require.Len(t, told, 1)
	require.NotContains(t, told[0], "\n")
	for _, part := range []string{job.Tx.TxHash().String(), "input 0", "5 satoshi", "2102d415b187", "0x1:", "finished with a false"} {
		require.Contains(t, told[0], part)
	}

	job.Flags |= txscript.ScriptVerifyDERSignatures
	var failed *Error
	require.ErrorAs(t, v.Verify([]Job{*job}, false), &failed)
	require.Equal(t, "Non-canonical DER signature", failed.Reason)
	require.True(t, txscript.IsErrorCode(failed.Cause, txscript.ErrSigTooLong), "%v", failed.Cause)
	require.Len(t, told, 1)

	require.NoError(t, New(Config{}).Verify([]Job{*signedByKey(t, 0, longAndPadded)}, false), "nobody listens")
}

// About policy the interpreter is right: strangers could make the two disagree
// there as often as they like.
func TestPolicyNeedsNoAgreement(t *testing.T) {
	v := New(Config{Disagreed: func(evidence string) { t.Error(evidence) }})
	j := &Job{Tx: wire.NewMsgTx(1), Flags: eras()[len(eras())-2]}
	j.Tx.AddTxIn(&wire.TxIn{})
	j.Tx.AddTxOut(&wire.TxOut{})
	// The engine does not look at the key of an empty signature.
	j.Spent = []wire.TxOut{{PkScript: []byte{0, 0, txscript.OP_1, 1, 0xaa, txscript.OP_1, txscript.OP_CHECKMULTISIG, txscript.OP_NOT}}}
	require.NoError(t, v.Verify([]Job{*j}, false))
	j.Flags |= txscript.ScriptVerifyStrictEncoding
	require.NoError(t, input{prepare(j), 0}.twin())
	var failed *Error
	require.ErrorAs(t, v.Verify([]Job{*j}, false), &failed)
	require.Equal(t, "Public key is neither compressed or uncompressed", failed.Reason)
	require.Equal(t, failed.Reason, failed.Cause.Error())
}
