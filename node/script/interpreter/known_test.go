package interpreter

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// Where the engine is known to differ from Bitcoin Core under rules of policy.
// Those that it does not have, or does not reach: what is refused here for one of
// these reasons may be valid there.
var unknownToTheTwin = []*Error{
	// CHECKMULTISIG looks at the key's encoding only if the signature is not empty
	// and can be read; Bitcoin Core always does.
	errPubKeyType, errWitnessPubKeyType,
	// An empty signature, and one whose encoding or key is not valid, are not
	// looked for in the script code.
	errSigFindAndDelete,
	// With an empty signature, keys of other lengths are not discouraged.
	errDiscouragePubKeyType,
	// OP_SUCCESSx makes leaves of other versions valid, too.
	errDiscourageTaproot,
}

// What is valid here may be refused there for these.
var strangeToBitcoinCore = []txscript.ErrorCode{
	// An s that is not below the order counts as high; in Bitcoin Core the
	// signature becomes one of zeros, whose s is low.
	txscript.ErrSigHighS,
	// CHECKLOCKTIMEVERIFY and CHECKSEQUENCEVERIFY are discouraged while they have
	// no meaning.
	txscript.ErrDiscourageUpgradableNOPs,
	// OP_SUCCESSx is discouraged in leaves of other versions, too.
	txscript.ErrDiscourageOpSuccess,
	// The stack of an output that is taproot's is not cleaned where taproot does
	// not apply.
	txscript.ErrCleanStack,
}

// isKnown reports whether a difference is one of those above.
func (s spend) isKnown(index int, ours, theirs error) bool {
	const strict = txscript.ScriptVerifyDERSignatures | txscript.ScriptVerifyLowS | txscript.ScriptVerifyStrictEncoding
	if s.flags&strict == 0 && s.hasLooseDER(index) {
		return true
	}
	if s.flags&^consensusFlags == 0 {
		return false
	}
	var failed *Error
	if errors.As(ours, &failed) {
		return slices.Contains(unknownToTheTwin, failed)
	}
	var code txscript.Error
	return errors.As(theirs, &code) && slices.Contains(strangeToBitcoinCore, code.ErrorCode)
}

// hasLooseDER reports whether an element of an input looks like a signature that
// is no strict DER: before BIP66 the engine accepts others of them than Bitcoin
// Core.
func (s spend) hasLooseDER(index int) bool {
	in := s.tx.TxIn[index]
	scripts := append([][]byte{in.SignatureScript, s.spent[index].PkScript}, in.Witness...)
	for len(scripts) > 0 {
		script := scripts[0]
		scripts = scripts[1:]
		if len(script) > 0 && script[0] == 0x30 && !isStrictDER(script) {
			return true
		}
		for at := 0; at < len(script); {
			_, data, next, ok := instruction(script, at)
			if !ok {
				break
			}
			if len(data) > 0 {
				scripts = append(scripts, data)
			}
			at = next
		}
	}
	return false
}

// oneSpend spends a script in a form with arguments, under rules.
func oneSpend(t testing.TB, f form, flags txscript.ScriptFlags, script []byte, args ...[]byte) spend {
	t.Helper()
	s := blank(1, 1)
	s.flags = ruleSet(flags)
	f.fill(t, s.tx.TxIn[0], &s.spent[0], script, args)
	return s
}

// otherLeaf is a spend of a script in a leaf whose version is not tapscript's.
func otherLeaf(t testing.TB, flags txscript.ScriptFlags, script []byte) spend {
	t.Helper()
	const version = 0xc2
	internal := testKey(1).PubKey()
	leaf := txscript.NewTapLeaf(version, script)
	root := leaf.TapHash()
	output := txscript.ComputeTaprootOutputKey(internal, root[:])
	pkScript, err := txscript.PayToTaprootScript(output)
	require.NoError(t, err)
	control := append([]byte{version | output.SerializeCompressed()[0]&1}, encodeKey(testKey(1), 0)...)
	s := blank(1, 1)
	s.flags = ruleSet(flags)
	s.spent[0].PkScript, s.tx.TxIn[0].Witness = pkScript, wire.TxWitness{script, control}
	return s
}

// longLength is a signature whose sequence has a length of two bytes.
func longLength(t testing.TB) spend {
	t.Helper()
	s := blank(1, 1)
	script := checkSigScript(bare, 1)
	sig := bare.sign(t, s, 0, script, testKey(1), txscript.SigHashAll)
	bare.fill(t, s.tx.TxIn[0], &s.spent[0], script, [][]byte{append([]byte{0x30, 0x81}, sig[1:]...)})
	return s
}

func TestWhereTheTwinDiffers(t *testing.T) {
	// The dummy, a signature and a key of one byte each, of which the first two are
	// empty.
	oddKey := []byte{0, 0, txscript.OP_1, 1, 0xaa, txscript.OP_1, txscript.OP_CHECKMULTISIG, txscript.OP_NOT}
	// Strictly encoded, and both integers all ones but for the zero in front.
	large := append([]byte{0x02, 33, 0}, bytes.Repeat([]byte{0xff}, 32)...)
	tooLarge := append(append(append([]byte{0x30, 70}, large...), large...), 1)
	success := []byte{txscript.OP_RESERVED}
	for name, c := range map[string]struct {
		s      spend
		reason *Error
	}{
		"key of an empty signature": {oneSpend(t, bare, txscript.ScriptVerifyStrictEncoding, oddKey), errPubKeyType},
		"key of an empty signature in a witness": {
			oneSpend(t, witnessScriptHash, txscript.ScriptVerifyWitness|txscript.ScriptVerifyWitnessPubKeyType, oddKey), errWitnessPubKeyType,
		},
		"empty signature in the script code": {oneSpend(t, bare, txscript.ScriptVerifyConstScriptCode, oddKey), errSigFindAndDelete},
		"key of another length without a signature": {
			oneSpend(t, tapLeafScript, consensusFlags|txscript.ScriptVerifyDiscourageUpgradeablePubkeyType,
				[]byte{0, txscript.OP_2, txscript.OP_CHECKSIG, txscript.OP_NOT}), errDiscouragePubKeyType,
		},
		"OP_SUCCESS in another leaf": {
			otherLeaf(t, consensusFlags|txscript.ScriptVerifyDiscourageUpgradeableTaprootVersion, success), errDiscourageTaproot,
		},
		"OP_SUCCESS in another leaf, discouraged": {otherLeaf(t, consensusFlags|txscript.ScriptVerifyDiscourageOpSuccess, success), nil},
		"s not below the order": {
			oneSpend(t, bare, txscript.ScriptVerifyLowS, append(checkSigScript(bare, 1), txscript.OP_NOT), tooLarge), nil,
		},
		"lock without meaning": {
			oneSpend(t, bare, txscript.ScriptDiscourageUpgradableNops, []byte{txscript.OP_1, txscript.OP_CHECKLOCKTIMEVERIFY}), nil,
		},
		"taproot without meaning": {oneSpend(t, tapLeafScript, txscript.ScriptVerifyCleanStack, success), nil},
		"long length":             {longLength(t), nil},
	} {
		ours, theirs := c.s.verifyOne(0), c.s.twin(0)
		requireReason(t, c.reason, ours, name)
		require.Equal(t, c.reason == nil, theirs != nil, "%s: %v", name, theirs)
		require.True(t, c.s.isKnown(0, ours, theirs), name)
	}
}
