package script

import (
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// taprootJob is a transaction with one input that spends by key path.
func taprootJob(t testing.TB, i int) *Job {
	t.Helper()
	key := testKey(byte(i))
	j := &Job{Tx: wire.NewMsgTx(2), Flags: blockRules, Spent: []wire.TxOut{{Value: int64(i), PkScript: taprootKey.pkScript(key)}}}
	j.Tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: uint32(i)}})
	j.Tx.AddTxOut(&wire.TxOut{Value: int64(i), PkScript: []byte{txscript.OP_TRUE}})
	taprootKey.sign(t, input{prepare(j), 0}, key, txscript.SigHashDefault)
	return j
}

// Signatures that are verified together fail like those verified alone: with
// the error of the first input that is wrong.
func TestRunFindsTheFirstOfManyFailures(t *testing.T) {
	const count = 400
	sound := make([]*Job, count)
	for i := range sound {
		sound[i] = taprootJob(t, i)
	}
	for _, bad := range [][]int{nil, {0}, {count - 1}, {17, 18, 300}, {399, 5}} {
		jobs := make([]Job, count)
		for i := range jobs {
			jobs[i] = *sound[i]
			jobs[i].Tx = sound[i].Tx.Copy()
		}
		first := count
		for _, i := range bad {
			first = min(first, i)
			witness := jobs[i].Tx.TxIn[0].Witness
			witness[0] = append([]byte(nil), witness[0]...)
			witness[0][40] ^= 1
		}
		v := New(Config{Parallel: 3, Txs: 1})
		err := v.Start(jobs).Wait()
		if len(bad) == 0 {
			require.NoError(t, err)
			continue
		}
		var failed *Error
		require.ErrorAs(t, err, &failed)
		require.Equal(t, jobs[first].Tx.TxHash(), failed.Txid, "first of %v", bad)
	}
}
