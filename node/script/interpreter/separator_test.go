package interpreter

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/stretchr/testify/require"
)

// separated is a script with one CHECKSIG, and what its signature commits to.
type separated struct {
	script   []byte
	code     []byte // script code; legacy signatures leave out separators besides
	position uint32 // of the last separator that is executed, for tapscript
	want     *Error // under the policy that there be none in legacy scripts
}

func separatedScripts(key []byte) map[string]separated {
	const separator, none = txscript.OP_CODESEPARATOR, noCodeSeparator
	check := append(appendPush(nil, key), txscript.OP_CHECKSIG)
	after := func(parts ...byte) []byte { return append(parts, check...) }
	all := func(script []byte, position uint32, want *Error) separated {
		return separated{script, script, position, want}
	}
	pushed := after(2, separator, separator, txscript.OP_DROP)
	return map[string]separated{
		"none":         all(check, none, nil),
		"in front":     {after(separator), check, 0, errCodeSeparator},
		"two":          {after(separator, txscript.OP_NOP, separator), check, 2, errCodeSeparator},
		"not executed": all(after(txscript.OP_0, txscript.OP_IF, separator, txscript.OP_ENDIF), none, errCodeSeparator),
		"not executed after one that is": {
			after(separator, txscript.OP_0, txscript.OP_IF, separator, txscript.OP_ENDIF),
			after(txscript.OP_0, txscript.OP_IF, separator, txscript.OP_ENDIF), 0, errCodeSeparator,
		},
		"executed in a branch": {
			after(txscript.OP_1, txscript.OP_IF, separator, txscript.OP_ENDIF),
			after(txscript.OP_ENDIF), 2, errCodeSeparator,
		},
		"behind the check": all(append(bytes.Clone(check), separator), none, errCodeSeparator),
		"pushed":           all(pushed, none, nil),
	}
}

// Signatures commit to what follows the last separator that was executed: those
// in a branch that was not do not count, but are as little signed by legacy
// signatures as others. In a push there is none.
func TestCodeSeparators(t *testing.T) {
	for f := range forms {
		how := byte(4)
		if f == tapLeafScript {
			how = 0
		}
		for name, c := range separatedScripts(encodeKey(testKey(1), how)) {
			s := blank(1, 1)
			s.flags = consensusFlags
			s.spent[0].PkScript, _, _ = f.output(t, c.script)
			sign := func(code []byte, position uint32) []byte {
				if f != tapLeafScript {
					return f.sign(t, s, 0, code, testKey(1), txscript.SigHashAll)
				}
				leaf := txscript.NewBaseTapLeaf(c.script)
				leafHash := leaf.TapHash()
				hash, err := txscript.CalcTapscriptSignaturehash(s.hashes(), txscript.SigHashDefault, s.tx, 0, s.fetcher(), leaf,
					txscript.WithBaseTapscriptVersion(position, leafHash[:]))
				require.NoError(t, err)
				sig, err := schnorr.Sign(testKey(1), hash)
				require.NoError(t, err)
				return sig.Serialize()
			}
			f.fill(t, s.tx.TxIn[0], &s.spent[0], c.script, [][]byte{sign(c.code, c.position)})
			s.requireVerdict(t, 0, nil, name)

			policy := s
			policy.flags |= txscript.ScriptVerifyConstScriptCode
			if f == bare || f == scriptHash {
				requireReason(t, c.want, policy.verifyOne(0), name+", policy")
			} else {
				requireReason(t, nil, policy.verifyOne(0), name+", policy")
			}

			wrong := errEvalFalse
			if f == tapLeafScript {
				wrong = errSchnorrSig
			}
			other := append([]byte{txscript.OP_NOP}, c.code...)
			f.fill(t, s.tx.TxIn[0], &s.spent[0], c.script, [][]byte{sign(other, c.position+1)})
			s.requireVerdict(t, 0, wrong, name+", another code")
		}
	}
}
