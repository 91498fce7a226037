package vectors

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// parseTransaction reads a line of tx_valid.json or tx_invalid.json.
func parseTransaction(t testing.TB, line []any) (s Spend, rules string) {
	t.Helper()
	raw, err := hex.DecodeString(line[1].(string))
	require.NoError(t, err)
	s.Tx = new(wire.MsgTx)
	require.NoError(t, s.Tx.Deserialize(bytes.NewReader(raw)))
	spent := map[wire.OutPoint]wire.TxOut{}
	for _, item := range line[0].([]any) {
		in := item.([]any)
		hash, err := chainhash.NewHashFromStr(in[0].(string))
		require.NoError(t, err)
		out := wire.TxOut{PkScript: assemble(t, in[2].(string))}
		if len(in) == 4 {
			out.Value = int64(in[3].(float64))
		}
		spent[wire.OutPoint{Hash: *hash, Index: uint32(int64(in[1].(float64)))}] = out
	}
	for _, in := range s.Tx.TxIn {
		out, known := spent[in.PreviousOutPoint]
		require.True(t, known, "%v", line)
		s.Spent = append(s.Spent, out)
	}
	return s, line[2].(string)
}

// Transactions hands on the lines of tx_valid.json or tx_invalid.json: without
// rules, but their names, which are to hold in the latter and to be left out in the
// former.
func Transactions(t testing.TB, name string, f func(s Spend, rules, line string)) {
	t.Helper()
	var lines [][]any
	Load(t, name, &lines)
	ran := 0
	for _, line := range lines {
		if _, ok := line[0].([]any); ok {
			s, rules := parseTransaction(t, line)
			f(s, rules, fmt.Sprint(line))
			ran++
		}
	}
	require.Greater(t, ran, 80)
}
