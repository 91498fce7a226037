package interpreter

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/stretchr/testify/require"
)

func signHash(key *btcec.PrivateKey, hash []byte) []byte {
	return append(ecdsa.Sign(key, hash).Serialize(), byte(txscript.SigHashAll))
}

// foundKey is a signature that was there before what it signs: whichever hash that
// has, it is valid for the key that is recovered from both.
func foundKey(t testing.TB) (sig []byte, keyFor func(hash []byte) []byte) {
	t.Helper()
	hash := bytes.Repeat([]byte{7}, 32)
	compact := ecdsa.SignCompact(testKey(1), hash, true)
	return signHash(testKey(1), hash), func(hash []byte) []byte {
		key, _, err := ecdsa.RecoverCompact(compact, hash)
		require.NoError(t, err)
		return key.SerializeCompressed()
	}
}

// Pushes that are the signature are not signed, since it could not be made
// otherwise. btcd left out those that contain it as well (CVE-2024-38365).
func TestFindAndDeleteRemovesWhatEqualsTheSignature(t *testing.T) {
	sig, keyFor := foundKey(t)
	drop, end := byte(txscript.OP_DROP), []byte{txscript.OP_CHECKSIG}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	dropped := func(push []byte) []byte { return append(push[:len(push):len(push)], drop) }
	own := appendPush(nil, sig)
	longer := appendPush(nil, append(sig[:len(sig):len(sig)], 7))
	before := appendPush(nil, append([]byte{7}, sig...))
	nested := appendPush(nil, own)
	shorter := appendPush(nil, sig[:len(sig)-1])
	spelled := append([]byte{txscript.OP_PUSHDATA1, byte(len(sig))}, sig...)

	for name, c := range map[string]struct {
		script  []byte
		legacy  []byte // what legacy signatures commit to
		deletes bool
	}{
		"equal":             {join(dropped(own), end), join([]byte{drop}, end), true},
		"equal, twice":      {join(own, own, []byte{drop, drop}, end), join([]byte{drop, drop}, end), true},
		"equal, behind one": {join(dropped(longer), dropped(own), end), join(dropped(longer), []byte{drop}, end), true},
		"longer":            {join(dropped(longer), end), join(dropped(longer), end), false},
		"longer in front":   {join(dropped(before), end), join(dropped(before), end), false},
		"its push":          {join(dropped(nested), end), join(dropped(nested), end), false},
		"shorter":           {join(dropped(shorter), end), join(dropped(shorter), end), false},
		"by PUSHDATA1":      {join(dropped(spelled), end), join(dropped(spelled), end), false},
	} {
		// What others might take for the code. The key that it gives is not valid.
		wrong := c.script
		if !c.deletes {
			wrong = join([]byte{drop}, end)
		}
		for _, f := range []form{bare, scriptHash} {
			s := blank(1, 1)
			s.flags = consensusFlags
			spendBy := func(code []byte) {
				hash, err := txscript.CalcSignatureHash(code, txscript.SigHashAll, s.tx, 0)
				require.NoError(t, err)
				f.fill(t, s.tx.TxIn[0], &s.spent[0], c.script, [][]byte{sig, keyFor(hash)})
			}
			spendBy(wrong)
			s.requireVerdict(t, 0, errEvalFalse, name)
			spendBy(c.legacy)
			s.requireVerdict(t, 0, nil, name)
			s.flags |= txscript.ScriptVerifyConstScriptCode
			if c.deletes {
				s.requireVerdict(t, 0, errSigFindAndDelete, name+", policy")
			} else {
				s.requireVerdict(t, 0, nil, name+", policy")
			}
		}
		// Signatures in a witness commit to the script as it is (BIP143).
		s := blank(1, 1)
		s.flags = consensusFlags
		hash, err := txscript.CalcWitnessSigHash(c.script, s.hashes(), txscript.SigHashAll, s.tx, 0, s.spent[0].Value)
		require.NoError(t, err)
		witnessScriptHash.fill(t, s.tx.TxIn[0], &s.spent[0], c.script, [][]byte{sig, keyFor(hash)})
		s.requireVerdict(t, 0, nil, name+" in a witness")
	}
}

// A CHECKMULTISIG leaves out all of its signatures before it looks at the first,
// so that each is signed without the others.
func TestFindAndDeleteOfManySignatures(t *testing.T) {
	s := blank(1, 1)
	s.flags = consensusFlags
	end := append([]byte{txscript.OP_2DROP}, multiSigScript()...)
	hash, err := txscript.CalcSignatureHash(end, txscript.SigHashAll, s.tx, 0)
	require.NoError(t, err)
	first, second := signHash(testKey(0), hash), signHash(testKey(2), hash)
	script := append(pushes(first, second), end...)
	s.spent[0].PkScript = script
	s.tx.TxIn[0].SignatureScript = append([]byte{txscript.OP_0}, pushes(first, second)...)
	s.requireVerdict(t, 0, nil, "")
	s.tx.TxIn[0].SignatureScript = append([]byte{txscript.OP_0}, pushes(second, first)...)
	s.requireVerdict(t, 0, errEvalFalse, "the wrong order")
}
