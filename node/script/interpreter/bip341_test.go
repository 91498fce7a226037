package interpreter

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/script/vectors"
	"github.com/bulkheadnode/bulkhead/node/signature"
)

// An output commits to each of its leaves by the path in the control block, and
// to none by another's.
func TestBIP341Outputs(t *testing.T) {
	outputs, _ := vectors.BIP341(t)
	paths := 0
	for _, v := range outputs {
		version, program, ok := witnessProgram(v.Expected.ScriptPubKey)
		require.True(t, ok)
		require.Equal(t, 1, version)
		require.Equal(t, []byte(v.Intermediary.TweakedPubkey), program)
		even := signature.VerifyTweak(program, v.Given.InternalPubkey, v.Intermediary.Tweak, false)
		odd := signature.VerifyTweak(program, v.Given.InternalPubkey, v.Intermediary.Tweak, true)
		require.NotEqual(t, even, odd)

		for i, leaf := range v.Leaves {
			control := v.Expected.ScriptPathControlBlocks[i]
			require.Equal(t, leaf.LeafVersion, control[0]&leafMask)
			require.Equal(t, odd, control[0]&1 == 1)
			var s spending
			s.tap.leaf = s.leafHash(leaf.LeafVersion, leaf.Script)
			require.Equal(t, []byte(v.Intermediary.LeafHashes[i]), s.tap.leaf[:])
			require.True(t, s.isCommitted(program, control))
			require.Equal(t, []byte(v.Intermediary.Tweak), s.space.sum[:])
			paths++
			for j, other := range v.Expected.ScriptPathControlBlocks {
				require.Equal(t, i == j, s.isCommitted(program, other))
			}
		}
	}
	require.Equal(t, 12, paths)
}

// Every part that a signature of taproot commits to, the whole, and its hash.
func TestBIP341SignatureHashes(t *testing.T) {
	_, v := vectors.BIP341(t)
	s := v.Spend(t, v.Given.RawUnsignedTx)
	tx := NewTx(s.Tx, s.Spent)
	p := tx.spentParts()
	for want, got := range map[string][32]byte{
		string(v.Intermediary.HashAmounts): p.amounts, string(v.Intermediary.HashScriptPubkeys): p.scripts,
		string(v.Intermediary.HashPrevouts): p.prevouts[0], string(v.Intermediary.HashSequences): p.sequences[0],
		string(v.Intermediary.HashOutputs): p.outputs[0],
	} {
		require.Equal(t, want, string(got[:]))
	}
	hashTypes := map[byte]bool{}
	for _, in := range v.InputSpending {
		m := machines.Get().(*machine)
		m.tx, m.index = tx, in.Given.TxinIndex
		hash, ok := m.taprootHash(in.Given.HashType)
		require.True(t, ok)
		require.Equal(t, []byte(in.Intermediary.SigHash), hash)
		require.Equal(t, []byte(in.Intermediary.SigMsg), m.space.buf[len(tagSigHash):])
		hashTypes[in.Given.HashType] = true
		m.release()
	}
	require.Len(t, hashTypes, 7, "each that there is")
}

// The transaction spends by its nine inputs, of which seven are taproot's; without
// a witness, or with a bit of it changed, none of these does.
func TestBIP341Spends(t *testing.T) {
	_, v := vectors.BIP341(t)
	s := spendOf(v.Spend(t, v.Auxiliary.FullySignedTx))
	s.flags = consensusFlags
	require.Len(t, s.tx.TxIn, 9)
	require.NoError(t, s.verify())
	for i := range s.tx.TxIn {
		s.requireSame(t, i)
	}
	for k, in := range v.InputSpending {
		index := in.Given.TxinIndex
		require.Len(t, s.tx.TxIn[index].Witness, len(in.Expected.Witness))
		require.Equal(t, []byte(in.Expected.Witness[0]), s.tx.TxIn[index].Witness[0])
		other := spend{s.tx.Copy(), s.spent, s.flags}
		other.tx.TxIn[index].Witness = nil
		requireReason(t, errWitnessEmpty, other.verifyOne(index), "no witness")
		sig := bytes.Clone(in.Expected.Witness[0])
		sig[9*k] ^= 1
		other.tx.TxIn[index].Witness = wire.TxWitness{sig}
		requireReason(t, errSchnorrSig, other.verifyOne(index), "a bit changed")
		other.requireSame(t, index)
		other.flags &^= txscript.ScriptVerifyTaproot
		require.NoError(t, other.verifyOne(index), "before taproot")
	}
}

// The verifier of key paths has the last word on them, and none on other spends.
func TestVerifierOfKeyPaths(t *testing.T) {
	_, v := vectors.BIP341(t)
	s := v.Spend(t, v.Auxiliary.FullySignedTx)
	tx := NewTx(s.Tx, s.Spent)
	hashes := map[int][]byte{}
	for _, in := range v.InputSpending {
		hashes[in.Given.TxinIndex] = in.Intermediary.SigHash
	}
	require.Len(t, hashes, 7)
	for i, in := range s.Tx.TxIn {
		asked := 0
		verdict := false
		keyPath := func(key, sig, hash []byte) bool {
			asked++
			require.Equal(t, s.Spent[i].PkScript[2:], key)
			require.Equal(t, in.Witness[0][:signature.Schnorr], sig)
			require.Equal(t, hashes[i], hash)
			return verdict
		}
		err := tx.VerifyBy(keyPath, i, consensusFlags)
		if hashes[i] == nil {
			require.NoError(t, err)
			require.Zero(t, asked)
			continue
		}
		requireReason(t, errSchnorrSig, err, "refused")
		verdict = true
		require.NoError(t, tx.VerifyBy(keyPath, i, consensusFlags))
		require.Equal(t, 2, asked)
	}
	script := checkSigScript(tapLeafScript, 1)
	leaf := oneSpend(t, tapLeafScript, consensusFlags, script)
	sig := tapLeafScript.sign(t, leaf, 0, script, testKey(1), txscript.SigHashAll)
	tapLeafScript.fill(t, leaf.tx.TxIn[0], &leaf.spent[0], script, [][]byte{sig})
	require.NoError(t, NewTx(leaf.tx, leaf.spent).VerifyBy(func(_, _, _ []byte) bool { return false }, 0, consensusFlags))
}
