package interpreter

import (
	"crypto/sha256"
	"math"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// requireVerdict: an input is valid or fails for a reason, and btcd's engine
// says the same.
func (s spend) requireVerdict(t testing.TB, index int, want *Error, about string) {
	t.Helper()
	requireReason(t, want, s.verifyOne(index), about)
	theirs := s.twin(index)
	require.Equal(t, want == nil, theirs == nil, "%s: the engine says %v", about, theirs)
}

// nestedKeyHash spends a hash of a program of version 0 that is the hash of a key.
// unlock makes the signature script of the program.
func nestedKeyHash(t testing.TB, unlock func(program []byte) []byte) (s spend, program []byte) {
	t.Helper()
	key := encodeKey(testKey(1), 4)
	program = append([]byte{txscript.OP_0, keyHashSize}, address.Hash160(key)...)
	s = blank(1, 1)
	s.flags = consensusFlags
	s.spent[0].PkScript = payToScriptHash(program)
	hash, err := txscript.CalcWitnessSigHash(program, s.hashes(), txscript.SigHashAll, s.tx, 0, s.spent[0].Value)
	require.NoError(t, err)
	in := s.tx.TxIn[0]
	in.SignatureScript, in.Witness = unlock(program), wire.TxWitness{signHash(testKey(1), hash), key}
	return s, program
}

// ways to push a program; all but the first leave it malleable (BIP141).
var programPushes = map[string]func(program []byte) []byte{
	"canonical": func(p []byte) []byte { return appendPush(nil, p) },
	"PUSHDATA1": func(p []byte) []byte { return append([]byte{txscript.OP_PUSHDATA1, byte(len(p))}, p...) },
	"PUSHDATA2": func(p []byte) []byte { return append([]byte{txscript.OP_PUSHDATA2, byte(len(p)), 0}, p...) },
	"PUSHDATA4": func(p []byte) []byte { return append([]byte{txscript.OP_PUSHDATA4, byte(len(p)), 0, 0, 0}, p...) },
	"behind 0":  func(p []byte) []byte { return appendPush([]byte{txscript.OP_0}, p) },
	"behind 1":  func(p []byte) []byte { return appendPush([]byte{txscript.OP_1}, p) },
	"twice":     func(p []byte) []byte { return appendPush(appendPush(nil, p), p) },
}

// A nested program is one however it is pushed, and whether there is a witness or
// not: btcd looked for it only with a witness, and behind the first byte.
func TestNestedProgramIsTheOnlyPush(t *testing.T) {
	for name, unlock := range programPushes {
		s, _ := nestedKeyHash(t, unlock)
		want, without := errWitnessMalleatedP2SH, errWitnessMalleatedP2SH
		if name == "canonical" {
			want, without = nil, errWitnessMismatch
		}
		s.requireVerdict(t, 0, want, name)
		s.flags &^= txscript.ScriptVerifyTaproot
		s.requireVerdict(t, 0, want, name)

		s.tx.TxIn[0].Witness = nil
		s.requireVerdict(t, 0, without, name+" without a witness")
		s.flags = txscript.ScriptBip16
		s.requireVerdict(t, 0, nil, name+" before BIP141, when a hash was a truth")
	}
}

// A signature script that has more than pushes does not hide a program.
func TestNestedProgramBehindAnOpcode(t *testing.T) {
	s, _ := nestedKeyHash(t, func(p []byte) []byte { return appendPush([]byte{txscript.OP_NOP}, p) })
	s.requireVerdict(t, 0, errSigPushOnly, "")
	s.flags = 0
	s.requireVerdict(t, 0, nil, "before BIP16")
}

// Two bytes and a program's worth of data that are no program: the last push is
// the redeem script, not what is behind the first byte.
func TestWhatLooksLikeANestedProgram(t *testing.T) {
	redeem := append([]byte{18}, make([]byte, 18)...)
	redeem = append(redeem, txscript.OP_NOT)
	require.Len(t, redeem, 20)
	s := blank(1, 1)
	s.flags = consensusFlags
	s.spent[0].PkScript = payToScriptHash(redeem)
	s.tx.TxIn[0].SignatureScript = append([]byte{txscript.OP_0, txscript.OP_0, 20}, redeem...)
	_, _, ok := witnessProgram(s.tx.TxIn[0].SignatureScript[1:])
	require.True(t, ok)
	s.requireVerdict(t, 0, errScriptNum, "")

	redeem[len(redeem)-1] = txscript.OP_SHA256
	s.spent[0].PkScript = payToScriptHash(redeem)
	s.tx.TxIn[0].SignatureScript = append([]byte{txscript.OP_0, txscript.OP_0, 20}, redeem...)
	s.requireVerdict(t, 0, nil, "")
	s.tx.TxIn[0].Witness = wire.TxWitness{{1}}
	s.requireVerdict(t, 0, errWitnessUnexpected, "")
}

// Programs of other kinds without a witness.
func TestNestedProgramsWithoutAWitness(t *testing.T) {
	sum := sha256.Sum256(nil)
	for name, c := range map[string]struct {
		program []byte
		want    *Error
	}{
		"hash of a script":      {append([]byte{txscript.OP_0, 32}, sum[:]...), errWitnessEmpty},
		"of an unknown length":  {append([]byte{txscript.OP_0, 31}, sum[1:]...), errWitnessLength},
		"taproot is not nested": {append([]byte{txscript.OP_1, 32}, sum[:]...), nil},
		"of an unknown version": {append([]byte{txscript.OP_16, 32}, sum[:]...), nil},
		"too long for one":      {append([]byte{txscript.OP_0, 41}, append(sum[:], make([]byte, 9)...)...), nil},
	} {
		s := blank(1, 1)
		s.flags = consensusFlags
		s.spent[0].PkScript, s.tx.TxIn[0].SignatureScript = payToScriptHash(c.program), appendPush(nil, c.program)
		s.requireVerdict(t, 0, c.want, name)
	}
}

// A redeem script that is no program may be pushed in any form.
func TestRedeemScriptPushedByPUSHDATA1(t *testing.T) {
	redeem := checkSigScript(scriptHash, 1)
	s := blank(1, 1)
	s.flags = consensusFlags
	s.spent[0].PkScript = payToScriptHash(redeem)
	sig := pushes(scriptHash.sign(t, s, 0, redeem, testKey(1), txscript.SigHashAll))
	for name, push := range programPushes {
		s.tx.TxIn[0].SignatureScript = append(sig[:len(sig):len(sig)], push(redeem)...)
		// What is pushed between them takes the signature's place.
		between := map[string]*Error{"behind 0": errEvalFalse, "behind 1": errSigDER, "twice": errSigDER}
		s.requireVerdict(t, 0, between[name], name)
	}
	s.tx.TxIn[0].SignatureScript = append(sig[:len(sig):len(sig)], programPushes["PUSHDATA1"](redeem)...)
	s.flags |= txscript.ScriptVerifyMinimalData
	s.requireVerdict(t, 0, errMinimalData, "policy")
}

// The version of a transaction has no sign (BIP112): what btcd took for less than
// two is more.
func TestSequenceLockOfNegativeVersions(t *testing.T) {
	for version, locked := range map[int32]bool{
		math.MinInt32: true, -2: true, -1: true, 0: false, 1: false, 2: true, math.MaxInt32: true,
	} {
		for sequence, passed := range map[uint32]bool{9: false, 10: true, 11: true, wire.SequenceLockTimeDisabled | 10: false} {
			s := blank(1, 1)
			s.flags = consensusFlags
			s.tx.Version, s.tx.TxIn[0].Sequence = version, sequence
			s.spent[0].PkScript = []byte{txscript.OP_10, txscript.OP_CHECKSEQUENCEVERIFY}
			want := errUnsatisfiedLockTime
			if locked && passed {
				want = nil
			}
			s.requireVerdict(t, 0, want, "")
		}
	}
}

// Every kind of signature commits to a version as it stands.
func TestSignaturesOfNegativeVersions(t *testing.T) {
	for f := range forms {
		s := blank(1, 1)
		s.flags = consensusFlags
		s.tx.Version = -7
		script := checkSigScript(f, 1)
		s.spent[0].PkScript, _, _ = f.output(t, script)
		f.fill(t, s.tx.TxIn[0], &s.spent[0], script, [][]byte{f.sign(t, s, 0, script, testKey(1), txscript.SigHashAll)})
		s.requireVerdict(t, 0, nil, "")
		s.tx.Version = 7
		want := errEvalFalse
		if f == tapLeafScript {
			want = errSchnorrSig
		}
		s.requireVerdict(t, 0, want, "")
	}
}
