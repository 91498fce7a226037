package script_test

import (
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/script"
	"github.com/bulkheadnode/bulkhead/node/script/vectors"
)

// blockRules are those of every block since taproot.
const blockRules = txscript.ScriptBip16 | txscript.ScriptVerifyWitness | txscript.ScriptVerifyTaproot |
	txscript.ScriptVerifyDERSignatures | txscript.ScriptVerifyCheckLockTimeVerify |
	txscript.ScriptVerifyCheckSequenceVerify | txscript.ScriptStrictMultiSig

// What VerifyTx accepts is not run again for a block whose rules are among those
// that were verified, and is run for one with others.
func TestATransactionIsRememberedForFewerRules(t *testing.T) {
	v := script.New(script.Config{Txs: 10})
	j := job(1, []byte{txscript.OP_NOP4, txscript.OP_TRUE})
	j.Flags = txscript.ScriptBip16 | txscript.ScriptVerifyDERSignatures
	require.NoError(t, v.VerifyTx(j, txscript.ScriptBip16))
	seen := job(1, weak) // shows that it is not run
	seen.Flags = txscript.ScriptBip16
	require.NoError(t, v.Verify([]script.Job{seen}, false))
	seen.Flags = j.Flags
	require.Error(t, v.Verify([]script.Job{seen}, false))

	var failed *script.Error
	err := v.VerifyTx(j, txscript.ScriptDiscourageUpgradableNops)
	require.ErrorAs(t, err, &failed, "the block has a rule of its own")
	seen.Flags = txscript.ScriptDiscourageUpgradableNops
	require.Error(t, v.Verify([]script.Job{seen}, false))
}

// A valid spend stays valid without rules that blocks do not know: so said for
// every vector of the reference that is valid under the rules of both.
func TestFewerRulesRefuseNothing(t *testing.T) {
	valid := 0
	check := func(spend vectors.Spend, comment string) {
		j := jobOf(spend)
		j.Flags |= blockRules
		if script.New(script.Config{}).Verify([]script.Job{j}, false) != nil {
			return
		}
		valid++
		for _, flags := range []txscript.ScriptFlags{blockRules, j.Flags & mempool.StandardFlags, txscript.ScriptBip16} {
			j.Flags = flags
			require.NoError(t, script.New(script.Config{}).Verify([]script.Job{j}, false), comment)
		}
	}
	for _, v := range vectors.Scripts(t) {
		v.Flags |= mempool.StandardFlags
		check(v.Spend, v.Comment)
	}
	vectors.Transactions(t, "tx_valid.json", func(v vectors.Spend, rules, line string) {
		v.Flags = mempool.StandardFlags &^ vectors.Flags(t, rules)
		check(v, line)
	})
	require.Greater(t, valid, 300)
}

// A block takes all goroutines there are for a while; a transaction has its own.
func TestATransactionDoesNotWaitForABlock(t *testing.T) {
	v := script.New(script.Config{Parallel: 1})
	release := v.Occupy()
	require.NoError(t, v.VerifyTx(job(1, good), 0))
	run := v.Start([]script.Job{job(2, good)})
	release()
	require.NoError(t, run.Wait())
}

// BenchmarkVerifyTx is what one P2WPKH transaction costs the mempool.
func BenchmarkVerifyTx(b *testing.B) {
	tx := consensus.NewTx(&wire.MsgTx{Version: 2, TxIn: []*wire.TxIn{{}}, TxOut: []*wire.TxOut{{}}})
	j := script.Job{Tx: tx.MsgTx, Spent: []wire.TxOut{{PkScript: good}}, Flags: mempool.StandardFlags}
	b.Run("here", func(b *testing.B) {
		v := script.New(script.Config{})
		for b.Loop() {
			_ = v.VerifyTx(j, 0)
		}
	})
	b.Run("with goroutines", func(b *testing.B) {
		v := script.New(script.Config{})
		for b.Loop() {
			_ = v.Verify([]script.Job{j}, false)
		}
	})
}
