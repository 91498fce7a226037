package interpreter

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/script/vectors"
)

// reasons are the vectors' names of errors.
var reasons = map[string]*Error{
	"EVAL_FALSE": errEvalFalse, "VERIFY": errVerify, "EQUALVERIFY": errEqualVerify,
	"CHECKMULTISIGVERIFY": errCheckMultiSigVerify, "CHECKSIGVERIFY": errCheckSigVerify, "NUMEQUALVERIFY": errNumEqualVerify,
	"SCRIPT_SIZE": errScriptSize, "PUSH_SIZE": errPushSize, "OP_COUNT": errOpCount, "STACK_SIZE": errStackSize,
	"SIG_COUNT": errSigCount, "PUBKEY_COUNT": errPubKeyCount, "BAD_OPCODE": errBadOpcode, "DISABLED_OPCODE": errDisabledOpcode,
	"INVALID_STACK_OPERATION": errInvalidStack, "INVALID_ALTSTACK_OPERATION": errInvalidAltStack, "OP_RETURN": errOpReturn,
	"UNBALANCED_CONDITIONAL": errUnbalancedConditional, "NEGATIVE_LOCKTIME": errNegativeLockTime,
	"UNSATISFIED_LOCKTIME": errUnsatisfiedLockTime, "SCRIPTNUM": errScriptNum, "SIG_HASHTYPE": errSigHashType, "SIG_DER": errSigDER,
	"MINIMALDATA": errMinimalData, "SIG_PUSHONLY": errSigPushOnly, "SIG_HIGH_S": errSigHighS, "SIG_NULLDUMMY": errSigNullDummy,
	"PUBKEYTYPE": errPubKeyType, "CLEANSTACK": errCleanStack, "MINIMALIF": errMinimalIf, "NULLFAIL": errSigNullFail,
	"DISCOURAGE_UPGRADABLE_NOPS": errDiscourageNops, "DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM": errDiscourageWitnessProgram,
	"WITNESS_PROGRAM_WRONG_LENGTH": errWitnessLength, "WITNESS_PROGRAM_WITNESS_EMPTY": errWitnessEmpty,
	"WITNESS_PROGRAM_MISMATCH": errWitnessMismatch, "WITNESS_MALLEATED": errWitnessMalleated,
	"WITNESS_MALLEATED_P2SH": errWitnessMalleatedP2SH, "WITNESS_UNEXPECTED": errWitnessUnexpected,
	"WITNESS_PUBKEYTYPE": errWitnessPubKeyType, "OP_CODESEPARATOR": errCodeSeparator, "SIG_FINDANDDELETE": errSigFindAndDelete,
	"TAPSCRIPT_MINIMALIF": errTapMinimalIf, "TAPSCRIPT_EMPTY_PUBKEY": errTapEmptyPubKey,
}

// requireReason: the error is the one of that text, or none if there is none.
func requireReason(t testing.TB, want *Error, got error, about string) {
	t.Helper()
	if want == nil {
		require.NoError(t, got, about)
		return
	}
	var failed *Error
	require.ErrorAs(t, got, &failed, about)
	require.Equal(t, want.Reason, failed.Reason, about)
}

func TestReferenceScripts(t *testing.T) {
	for _, v := range vectors.Scripts(t) {
		want, known := reasons[v.Result]
		require.True(t, known || v.Result == "OK", v.Result)
		requireReason(t, want, spendOf(v.Spend).verify(), v.Comment)
	}
}

func TestReferenceTransactions(t *testing.T) {
	vectors.Transactions(t, "tx_valid.json", func(v vectors.Spend, rules, line string) {
		// The rules named are those that the transaction would break.
		v.Flags = vectors.AllFlags() &^ vectors.Flags(t, rules)
		require.NoError(t, spendOf(v).verify(), line)
	})
	vectors.Transactions(t, "tx_invalid.json", func(v vectors.Spend, rules, line string) {
		if strings.Contains(rules, "BADTX") {
			require.NotNil(t, consensus.CheckTx(consensus.NewTx(v.Tx)), line)
			return
		}
		v.Flags = vectors.Flags(t, rules)
		require.Error(t, spendOf(v).verify(), line)
	})
}

// The vectors' hash types have 32 bits, of which signatures carry eight.
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
		want, err := chainhash.NewHashFromStr(line[4].(string))
		require.NoError(t, err)
		got := legacyHash(NewTx(&tx, nil), int(line[2].(float64)), code, uint32(int32(line[3].(float64))))
		require.Equal(t, want[:], got)
	}
}

func TestReferenceTaproot(t *testing.T) {
	vectors.Taproot(t, everyNth, func(v vectors.Spend, index int, valid bool, comment string) {
		err := NewTx(v.Tx, v.Spent).Verify(index, v.Flags)
		require.Equal(t, valid, err == nil, "%s: %v", comment, err)
	})
}
