package vectors

import (
	"strings"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/stretchr/testify/require"
)

// flagNames are the names that the vectors give to rules.
var flagNames = map[string]txscript.ScriptFlags{
	"": 0, "NONE": 0,
	"P2SH": txscript.ScriptBip16, "DERSIG": txscript.ScriptVerifyDERSignatures, "NULLDUMMY": txscript.ScriptStrictMultiSig,
	"CHECKLOCKTIMEVERIFY": txscript.ScriptVerifyCheckLockTimeVerify, "CHECKSEQUENCEVERIFY": txscript.ScriptVerifyCheckSequenceVerify,
	"WITNESS": txscript.ScriptVerifyWitness, "TAPROOT": txscript.ScriptVerifyTaproot,
	"CLEANSTACK": txscript.ScriptVerifyCleanStack, "DISCOURAGE_UPGRADABLE_NOPS": txscript.ScriptDiscourageUpgradableNops,
	"LOW_S": txscript.ScriptVerifyLowS, "MINIMALDATA": txscript.ScriptVerifyMinimalData, "NULLFAIL": txscript.ScriptVerifyNullFail,
	"SIGPUSHONLY": txscript.ScriptVerifySigPushOnly, "STRICTENC": txscript.ScriptVerifyStrictEncoding,
	"MINIMALIF": txscript.ScriptVerifyMinimalIf, "WITNESS_PUBKEYTYPE": txscript.ScriptVerifyWitnessPubKeyType,
	"CONST_SCRIPTCODE":                      txscript.ScriptVerifyConstScriptCode,
	"DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM": txscript.ScriptVerifyDiscourageUpgradeableWitnessProgram,
}

// Flags returns the rules that the vectors name, separated by commas.
func Flags(t testing.TB, text string) (flags txscript.ScriptFlags) {
	t.Helper()
	for _, name := range strings.Split(text, ",") {
		flag, known := flagNames[name]
		require.True(t, known, "rule %q", name)
		flags |= flag
	}
	return flags
}

// AllFlags are the rules that the vectors have names for.
func AllFlags() (flags txscript.ScriptFlags) {
	for _, flag := range flagNames {
		flags |= flag
	}
	return flags
}
