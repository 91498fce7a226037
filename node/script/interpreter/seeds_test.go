package interpreter

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/script/vectors"
)

// seedScripts adds the reference's scripts, as they are.
func seedScripts(f *testing.F) {
	for i, v := range vectors.Scripts(f) {
		if i%12 == 0 {
			f.Add(byte(0), uint32(v.Flags), v.PkScript, v.Sig, []byte{1, 1})
			f.Add(byte(0x10+i%int(forms)), uint32(v.Flags), v.PkScript, v.Sig, []byte{1, 1})
		}
	}
}

// seedSignatures adds scripts of compose that signatures open, one for every form.
func seedSignatures(f *testing.F) {
	const anyKey, xOnly, number, check, opcode = 4<<3 | 3, 3, 4, 2, 0
	single := []byte{anyKey, 1, check, 0}
	twoOfThree := []byte{number, 2, anyKey, 1, anyKey, 2, anyKey, 3, number, 3, check, 2}
	for how := range forms {
		kind := byte(0x20 | how)
		if how == tapLeafScript {
			single = []byte{xOnly, 1, check, 0}
			twoOfThree = []byte{xOnly, 1, check, 0, xOnly, 2, check, 4, number, 2, opcode, txscript.OP_NUMEQUAL}
		}
		for _, hashType := range []byte{1, 2, 3, 0x81, 0x83} {
			f.Add(kind, uint32(consensusFlags), single, []byte{2, 1, hashType, 0}, []byte{70, 3, hashType})
			f.Add(kind, uint32(1<<len(everyFlag)-1), single, []byte{2, 1, hashType, 202}, []byte{1, 1})
			f.Add(kind, uint32(consensusFlags), twoOfThree, []byte{0, 0, 2, 2, hashType, 0, 2, 1, hashType, 0}, []byte{2, 2, 1})
			f.Add(kind, uint32(consensusFlags), twoOfThree, []byte{0, 0, 2, 1, hashType, 0, 2, 2, hashType, 0}, []byte{2, 2, 1})
		}
	}
}

// seedTransactions adds the reference's transactions and some of taproot's.
func seedTransactions(f *testing.F) {
	add := func(s spend) {
		var raw bytes.Buffer
		require.NoError(f, s.tx.Serialize(&raw))
		for i := range s.spent {
			raw.Write(appendOutput(nil, &s.spent[i]))
		}
		f.Add(uint32(s.flags), raw.Bytes())
	}
	for _, name := range []string{"tx_valid.json", "tx_invalid.json"} {
		vectors.Transactions(f, name, func(v vectors.Spend, _, _ string) {
			v.Flags = consensusFlags
			add(spendOf(v))
		})
	}
	vectors.Taproot(f, 80, func(v vectors.Spend, _ int, valid bool, _ string) {
		if valid {
			add(spendOf(v))
		}
	})
}
