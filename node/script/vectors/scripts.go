package vectors

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// Spend is a transaction with the outputs that it spends, in order, and rules.
type Spend struct {
	Tx    *wire.MsgTx
	Spent []wire.TxOut
	Flags txscript.ScriptFlags
}

// Script is one line of script_tests.json.
type Script struct {
	Spend
	Sig, PkScript []byte
	Result        string // "OK", or the reference's name of the error
	Comment       string // the whole line
}

// Scripts returns the lines of script_tests.json.
func Scripts(t testing.TB) (list []Script) {
	t.Helper()
	var lines [][]any
	Load(t, "script_tests.json", &lines)
	for _, line := range lines {
		if len(line) == 1 {
			continue // a comment
		}
		v := parseScript(t, line)
		list = append(list, Script{v.spend(), v.sig, v.pk, v.result, v.comment})
	}
	require.Len(t, list, 1233)
	return list
}

// scriptLine is one line of script_tests.json.
type scriptLine struct {
	witness         wire.TxWitness
	amount          int64
	sig, pk         []byte
	flags           txscript.ScriptFlags
	result, comment string
}

func parseScript(t testing.TB, line []any) (v scriptLine) {
	t.Helper()
	v.comment = fmt.Sprint(line)
	var leafOutput []byte
	if items, ok := line[0].([]any); ok {
		v.amount = int64(math.Round(items[len(items)-1].(float64) * 1e8))
		for _, item := range items[:len(items)-1] {
			text := item.(string)
			if leaf, ok := strings.CutPrefix(text, "#SCRIPT#"); ok {
				code := assemble(t, leaf)
				var control []byte
				leafOutput, control = TapLeaf(t, code)
				v.witness = append(v.witness, code, control)
				continue
			} else if text == "#CONTROLBLOCK#" {
				continue
			}
			raw, err := hex.DecodeString(text)
			require.NoError(t, err)
			v.witness = append(v.witness, raw)
		}
		line = line[1:]
	}
	v.sig, v.flags, v.result = assemble(t, line[0].(string)), Flags(t, line[2].(string)), line[3].(string)
	if strings.Contains(line[1].(string), "#TAPROOTOUTPUT#") {
		v.pk = leafOutput
	} else {
		v.pk = assemble(t, line[1].(string))
	}
	return v
}

// spend is the pair of transactions that the vectors' authors define.
func (v scriptLine) spend() Spend {
	credit := wire.NewMsgTx(1)
	credit.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&chainhash.Hash{}, math.MaxUint32), []byte{0, 0}, nil))
	credit.AddTxOut(wire.NewTxOut(v.amount, v.pk))
	id := credit.TxHash()
	tx := wire.NewMsgTx(1)
	tx.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&id, 0), v.sig, v.witness))
	tx.AddTxOut(wire.NewTxOut(v.amount, nil))
	return Spend{tx, []wire.TxOut{{Value: v.amount, PkScript: v.pk}}, v.flags}
}
