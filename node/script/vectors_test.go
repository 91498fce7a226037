package script_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/script"
	"github.com/bulkheadnode/bulkhead/node/script/vectors"
)

func jobOf(v vectors.Spend) script.Job { return script.Job{Tx: v.Tx, Spent: v.Spent, Flags: v.Flags} }

// agreeing is a Verifier whose two interpreters must not disagree.
func agreeing(t *testing.T) *script.Verifier {
	return script.New(script.Config{Disagreed: func(evidence string) { t.Error(evidence) }})
}

func TestReferenceScripts(t *testing.T) {
	verifier := agreeing(t)
	for _, v := range vectors.Scripts(t) {
		err := verifier.Verify([]script.Job{jobOf(v.Spend)}, false)
		require.Equal(t, v.Result == "OK", err == nil, "%s: %v", v.Comment, err)
	}
}

func TestReferenceTransactions(t *testing.T) {
	verifier := agreeing(t)
	vectors.Transactions(t, "tx_valid.json", func(v vectors.Spend, rules, line string) {
		// The rules named are those that the transaction would break.
		v.Flags = vectors.AllFlags() &^ vectors.Flags(t, rules)
		require.Nil(t, consensus.CheckTx(consensus.NewTx(v.Tx)), line)
		require.NoError(t, verifier.Verify([]script.Job{jobOf(v)}, false), line)
	})
	vectors.Transactions(t, "tx_invalid.json", func(v vectors.Spend, rules, line string) {
		if strings.Contains(rules, "BADTX") {
			require.NotNil(t, consensus.CheckTx(consensus.NewTx(v.Tx)), line)
			return
		}
		v.Flags = vectors.Flags(t, rules)
		require.Error(t, verifier.Verify([]script.Job{jobOf(v)}, false), line)
	})
}

func TestReferenceSignatureHashes(t *testing.T) {
	var lines [][]any
	vectors.Load(t, "sighash.json", &lines)
	require.Greater(t, len(lines), 400)
	for _, line := range lines[1:] {
		raw, err := hex.DecodeString(line[0].(string))
		require.NoError(t, err)
		var tx wire.MsgTx
		require.NoError(t, tx.Deserialize(bytes.NewReader(raw)))
		code, err := hex.DecodeString(line[1].(string))
		require.NoError(t, err)
		hashType := txscript.SigHashType(int32(line[3].(float64)))
		hash, err := txscript.CalcSignatureHash(code, hashType, &tx, int(line[2].(float64)))
		require.NoError(t, err)
		want, err := chainhash.NewHashFromStr(line[4].(string))
		require.NoError(t, err)
		require.Equal(t, want[:], hash)
	}
}

func TestReferenceTaproot(t *testing.T) {
	vectors.Taproot(t, everyNth, func(v vectors.Spend, index int, valid bool, comment string) {
		job := jobOf(v)
		err := script.VerifyInput(&job, index)
		require.Equal(t, valid, err == nil, "%s: %v", comment, err)
	})
}

// The signed transaction of BIP341, as it stands in a block.
func TestReferenceWallet(t *testing.T) {
	_, v := vectors.BIP341(t)
	job := jobOf(v.Spend(t, v.Auxiliary.FullySignedTx))
	for _, job.Flags = range []txscript.ScriptFlags{blockRules, mempool.StandardFlags} {
		require.NoError(t, agreeing(t).Verify([]script.Job{job}, false))
	}
	job = jobOf(v.Spend(t, v.Given.RawUnsignedTx))
	job.Flags = blockRules
	var failed *script.Error
	require.ErrorAs(t, agreeing(t).Verify([]script.Job{job}, false), &failed)
	require.Equal(t, "Witness program was passed an empty witness", failed.Reason)
	require.Equal(t, 0, failed.Input)
}
