package node_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

type dumped struct {
	Coins      int    `json:"coins_written"`
	Hash       string `json:"base_hash"`
	Height     int    `json:"base_height"`
	Path       string `json:"path"`
	Serialized string `json:"txoutset_hash"`
	ChainTx    int    `json:"nchaintx"`
}

// A set that is made by going back is the one that was there, to the byte.
func TestDumpsSetsOfThePast(t *testing.T) {
	r := newRig(t, "regtest", nil)
	hashes := get[[]string](r, "generatetoaddress", 12, address)
	latest := get[dumped](r, "dumptxoutset", "latest.dat", "latest")
	want := dumped{
		Coins: 12, Hash: hashes[11], Height: 12, Path: filepath.Join(r.cfg.Dir, "latest.dat"),
		Serialized: get[map[string]any](r, "gettxoutsetinfo")["hash_serialized_3"].(string), ChainTx: 13,
	}
	require.Equal(t, want, latest)
	there, err := os.ReadFile(latest.Path)
	require.NoError(t, err)

	tip := get[[]string](r, "generatetoaddress", 9, address)[8]
	for name, options := range map[string]map[string]any{
		"height": {"rollback": 12}, "hash": {"rollback": hashes[11]}, "memory": {"rollback": 12, "in_memory": true},
	} {
		again := get[dumped](r, "dumptxoutset", name, "rollback", options)
		require.Equal(t, want.Serialized, again.Serialized)
		raw, err := os.ReadFile(again.Path)
		require.NoError(t, err)
		require.Equal(t, there, raw, name)
	}
	require.Equal(t, tip, get[string](r, "getbestblockhash"))
	left, err := filepath.Glob(filepath.Join(r.cfg.Dir, "*temp*"))
	require.NoError(t, err)
	require.Empty(t, left)

	r.refused(rpc.InvalidParameter, "latest.dat already exists", "dumptxoutset", "latest.dat", "latest")
	r.refused(rpc.InvalidParameter, "Target block height 299 after current tip 21", "dumptxoutset", "x", "rollback")
	r.refused(rpc.InvalidParameter, `Invalid snapshot type "latest" specified with rollback option`, "dumptxoutset", "x", "latest", map[string]any{"rollback": 1})
	r.refused(rpc.InvalidParameter, "/absent/x.incomplete for writing", "dumptxoutset", "absent/x", "latest")
	get[any](r, "invalidateblock", hashes[11])
	r.refused(rpc.InvalidParameter, "Block is not in main chain", "dumptxoutset", "x", "", map[string]any{"rollback": hashes[11]})
	require.NoFileExists(t, filepath.Join(r.cfg.Dir, "x.incomplete"))
}
