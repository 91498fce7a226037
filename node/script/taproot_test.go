package script

import (
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/stretchr/testify/require"
)

// A Schnorr signature fails for its size, its hash type, or itself.
func TestTaprootReasons(t *testing.T) {
	const index = int(taprootKey)
	for name, c := range map[string]struct {
		change func(sig []byte) []byte
		reason string
	}{
		"other signature":     {func(sig []byte) []byte { sig[40] ^= 1; return sig }, "Invalid Schnorr signature"},
		"too short":           {func(sig []byte) []byte { return sig[:63] }, "Invalid Schnorr signature size"},
		"spelled default":     {func(sig []byte) []byte { return append(sig, 0) }, "Invalid Schnorr signature hash type"},
		"unknown type":        {func(sig []byte) []byte { return append(sig, 4) }, "Invalid Schnorr signature hash type"},
		"another type":        {func(sig []byte) []byte { return append(sig, 2) }, "Invalid Schnorr signature"},
		"no output to single": {func(sig []byte) []byte { return append(sig, 3) }, "Invalid Schnorr signature hash type"},
	} {
		job := spendAll(t, txscript.SigHashAll)
		job.Flags = eras()[len(eras())-1]
		job.Tx.TxOut = job.Tx.TxOut[:1]
		taprootKey.sign(t, input{prepare(job), index}, testKey(byte(index)), txscript.SigHashAll)
		require.NoError(t, VerifyInput(job, index), name)
		job.Tx.TxIn[index].Witness[0] = c.change(job.Tx.TxIn[index].Witness[0])
		var failed *Error
		require.ErrorAs(t, VerifyInput(job, index), &failed, name)
		require.Equal(t, c.reason, failed.Reason, name)
	}
}
