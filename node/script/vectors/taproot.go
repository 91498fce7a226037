package vectors

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// way is one to spend an output of a file.
type way struct {
	ScriptSig string
	Witness   []string
}

// tapFile is one file of taproot-ref.
type tapFile struct {
	Tx               string
	Prevouts         []string
	Index            int
	Flags, Comment   string
	Success, Failure *way
}

func (v tapFile) spend(t testing.TB, w *way) Spend {
	t.Helper()
	raw, err := hex.DecodeString(v.Tx)
	require.NoError(t, err)
	s := Spend{Tx: new(wire.MsgTx), Flags: Flags(t, v.Flags)}
	require.NoError(t, s.Tx.Deserialize(bytes.NewReader(raw)))
	for _, text := range v.Prevouts {
		raw, err := hex.DecodeString(text)
		require.NoError(t, err)
		var out wire.TxOut
		require.NoError(t, wire.ReadTxOut(bytes.NewReader(raw), 0, 0, &out))
		s.Spent = append(s.Spent, out)
	}
	in := s.Tx.TxIn[v.Index]
	in.SignatureScript, err = hex.DecodeString(w.ScriptSig)
	require.NoError(t, err)
	in.Witness = nil
	for _, item := range w.Witness {
		raw, err := hex.DecodeString(item)
		require.NoError(t, err)
		in.Witness = append(in.Witness, raw)
	}
	return s
}

// Taproot hands on every nth file of taproot-ref, each way to spend its output: the
// input that does, and whether it is valid.
func Taproot(t testing.TB, nth int, f func(s Spend, index int, valid bool, comment string)) {
	t.Helper()
	dir := filepath.Join(folder(t), "taproot-ref")
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Greater(t, len(files), 2000)
	for i := 0; i < len(files); i += nth {
		name := files[i].Name()
		raw, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		var v tapFile
		require.NoError(t, json.Unmarshal(bytes.TrimSuffix(bytes.TrimSpace(raw), []byte(",")), &v), name)
		f(v.spend(t, v.Success), v.Index, true, v.Comment+" "+name)
		if v.Failure != nil {
			f(v.spend(t, v.Failure), v.Index, false, v.Comment+" "+name)
		}
	}
}
