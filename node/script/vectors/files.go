package vectors

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

//go:embed testdata/*.gz testdata/*.csv
var testdata embed.FS

// folder returns that of the vectors in txscript's module.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/btcsuite/btcd/txscript/v2").Output()
	require.NoError(t, err)
	return filepath.Join(strings.TrimSpace(string(dir)), "data")
}

// Load reads a JSON file of the vectors: that in testdata, or else the module's.
func Load(t testing.TB, name string, into any) {
	t.Helper()
	packed, err := testdata.ReadFile("testdata/" + name + ".gz")
	if err != nil {
		raw, err := os.ReadFile(filepath.Join(folder(t), name))
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(raw, into))
		return
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	raw, err := io.ReadAll(unpacked)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, into))
}

// unhex reads what vectors have as hexadecimal digits.
func unhex(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(text)
	require.NoError(t, err, text)
	return raw
}
