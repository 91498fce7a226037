package snapshot_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/snapshot"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// TestTheBaseFileDecidesOverALoadedSet: without it the loading was not finished,
// and a start deletes what there is; one that is not understood ends the start.
func TestTheBaseFileDecidesOverALoadedSet(t *testing.T) {
	unknown := chainhash.HashH([]byte("no assumed block"))
	for _, tt := range []struct {
		base []byte // nil for none
		want string
	}{
		{base: nil},
		{base: []byte("short"), want: "invalid hash length of 5, want 32"},
		{base: unknown[:], want: "A fatal internal error occurred, see debug.log for details: Assumeutxo data not found for the given blockhash '" + unknown.String() + "'."},
	} {
		sets := snapshot.New(snapshot.Config{
			Dir: t.TempDir(), Params: chaintest.Regtest(t), Log: slog.New(slog.DiscardHandler),
			OpenStore: func(dir string, cache int64) (*store.DB, error) { return store.Open(store.Config{Dir: dir}) },
		})
		require.NoError(t, os.MkdirAll(sets.LoadedDir(), 0o700))
		if tt.base != nil {
			require.NoError(t, os.WriteFile(filepath.Join(sets.LoadedDir(), "base_blockhash"), tt.base, 0o600))
		}
		err := sets.Open()
		require.NoError(t, sets.Close())
		if tt.want != "" {
			require.ErrorContains(t, err, tt.want)
			require.DirExists(t, sets.LoadedDir(), "what is not understood is kept")
			continue
		}
		require.NoError(t, err)
		require.NoDirExists(t, sets.LoadedDir())
		require.DirExists(t, sets.Dir())
	}
}
