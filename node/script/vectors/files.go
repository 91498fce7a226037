package vectors

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// folder returns that of the vectors in txscript's module.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/btcsuite/btcd/txscript/v2").Output()
	require.NoError(t, err)
	return filepath.Join(strings.TrimSpace(string(dir)), "data")
}

// Load reads a JSON file of the vectors.
func Load(t testing.TB, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder(t), name))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, into))
}
