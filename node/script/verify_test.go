package script_test

import (
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/script"
)

// job spends outputs with the given scripts.
func job(id byte, scripts ...[]byte) script.Job {
	j := script.Job{Tx: &wire.MsgTx{Version: int32(id)}, Wtxid: chainhash.Hash{id}}
	for i, s := range scripts {
		j.Tx.TxIn = append(j.Tx.TxIn, &wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: uint32(i)}})
		j.Spent = append(j.Spent, wire.TxOut{PkScript: s})
	}
	return j
}

var (
	good = []byte{txscript.OP_TRUE}
	bad  = []byte{txscript.OP_TRUE, txscript.OP_RETURN}
	weak = []byte{txscript.OP_0}
)

// However many goroutines there are, the first failing input is reported.
func TestFirstFailureIsReported(t *testing.T) {
	for _, parallel := range []int{1, 2, 8} {
		v := script.New(script.Config{Parallel: parallel})
		for range 50 {
			var jobs []script.Job
			for i := range byte(40) {
				jobs = append(jobs, job(i, good, good, good))
			}
			jobs[20] = job(20, good, bad, weak)
			jobs[21] = job(21, weak)
			err := v.Verify(jobs, false)
			var failed *script.Error
			require.ErrorAs(t, err, &failed)
			require.Equal(t, "OP_RETURN was encountered", failed.Reason)
			require.Equal(t, 1, failed.Input)
			require.Equal(t, chainhash.Hash{20}, failed.Wtxid)
			require.True(t, txscript.IsErrorCode(failed.Cause, txscript.ErrEarlyReturn))
		}
		require.NoError(t, v.Verify(nil, false))
	}
}

// What was verified is not run again, but only under the same rules.
func TestVerifiedTransactionsAreRemembered(t *testing.T) {
	v := script.New(script.Config{Txs: 4})
	j := job(1, good)
	require.NoError(t, v.Verify([]script.Job{j}, true))
	j.Spent[0].PkScript = weak // shows that it is not run
	require.NoError(t, v.Verify([]script.Job{j}, false))
	j.Flags = txscript.ScriptBip16
	require.Error(t, v.Verify([]script.Job{j}, false))
	j.Flags = 0
	for i := range byte(10) {
		require.NoError(t, v.Verify([]script.Job{job(10+i, good)}, true))
	}
	require.Error(t, v.Verify([]script.Job{j}, false), "forgotten")
}
