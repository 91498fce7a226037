package chaintest

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/blockfile"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// What is known of the UTXO set after the blocks of MainnetFile, from an
// independent node.
const (
	MainnetHeight       = 14131
	MainnetTip          = "00000000b3e750f37fdb42e1018799a9f44b546d393b130b369590a072430a1c"
	MainnetOutputs      = 13416
	MainnetAmount       = 706550 * consensus.Coin
	MainnetBogoSize     = 1567404
	MainnetTransactions = 13407
	MainnetSerialized   = "74c5a654587d4eaac9248b73889453e0b2fbc918bbc7bb8d8e6301d4d8c98db3"
	MainnetMuHash       = "859e27f17a6cce9768b75dd0dbd969890157d29a152b0f4a0afa6c67cbcd5975"
)

// MainnetFile returns the path of a file with the first 14,132 blocks of
// mainnet, which is part of btcd's module.
func MainnetFile(t testing.TB) string {
	t.Helper()
	return testdata(t, "blk_0_to_14131.dat")
}

// testdata returns the path of a file in btcd's module.
func testdata(t testing.TB, name string) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/btcsuite/btcd").Output()
	require.NoError(t, err)
	return filepath.Join(strings.TrimSpace(string(dir)), "blockchain", "testdata", name)
}

// EachMainnetBlock calls fn with the bytes of the blocks in order, genesis
// first, until it returns false.
func EachMainnetBlock(t testing.TB, fn func(height int32, raw []byte) bool) {
	t.Helper()
	const magic = 0xd9b4bef9
	blocks, closeFile, err := blockfile.OpenLoose(MainnetFile(t), magic)
	require.NoError(t, err)
	defer closeFile()
	for height := int32(0); height <= MainnetHeight; height++ {
		raw, _, err := blocks.Next()
		require.NoError(t, err)
		if !fn(height, append([]byte{}, raw...)) {
			return
		}
	}
}
