package snapshot_test

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/snapshot"
)

// openSets opens the sets of a chain of ten blocks.
func openSets(t *testing.T) *snapshot.Sets {
	t.Helper()
	params := chaintest.Regtest(t)
	disk := chaintest.OpenDisk(t, t.TempDir(), params)
	t.Cleanup(func() { disk.Close(t) })
	tip := chaintest.Genesis(t, params).Extend(10, 0)
	log := slog.New(slog.DiscardHandler)
	owner, err := chainstate.Open(chainstate.Config{
		Chain: disk.Config(params), Mempool: mempool.DefaultConfig(), Now: tip.Time,
		Observe: func(chainstate.Event) {}, Log: log,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, owner.Close()) })
	for _, spot := range tip.Path() {
		_, err := owner.ProcessBlock(t.Context(), spot.Block, true)
		require.NoError(t, err)
	}
	sets := snapshot.New(snapshot.Config{Dir: t.TempDir(), Params: params, Log: log})
	sets.Attach(owner, snapshot.Events{})
	return sets
}

func names(t *testing.T, dir string) (names []string) {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestADumpHasItsNameWhenItIsComplete, and replaces nothing.
func TestADumpHasItsNameWhenItIsComplete(t *testing.T) {
	sets, dir := openSets(t), t.TempDir()
	path := filepath.Join(dir, "set.dat")
	result, err := sets.Write(t.Context(), &snapshot.Dump{Path: path})
	require.NoError(t, err)
	require.EqualValues(t, 10, result.Coins)
	require.EqualValues(t, 10, result.Height)
	require.Equal(t, []string{"set.dat"}, names(t, dir))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotEmpty(t, whole)

	_, err = sets.Write(t.Context(), &snapshot.Dump{Path: path})
	require.Equal(t, rpc.Errorf(rpc.InvalidParameter, "%s already exists. If you are sure this is what you want, move it out of the way first", path), err)
	again, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, whole, again)

	missing := filepath.Join(dir, "nowhere", "set.dat")
	_, err = sets.Write(t.Context(), &snapshot.Dump{Path: missing})
	require.Equal(t, rpc.Errorf(rpc.InvalidParameter, "Couldn't open file %s.incomplete for writing.", missing), err)
}

// TestAPipeIsWrittenUnderItsOwnName, as there is a reader at its other end.
func TestAPipeIsWrittenUnderItsOwnName(t *testing.T) {
	sets, dir := openSets(t), t.TempDir()
	file, pipe := filepath.Join(dir, "set.dat"), filepath.Join(dir, "pipe")
	_, err := sets.Write(t.Context(), &snapshot.Dump{Path: file})
	require.NoError(t, err)
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	read := make(chan []byte, 1)
	go func() {
		defer close(read)
		if r, err := os.Open(pipe); err == nil {
			defer r.Close()
			if raw, err := io.ReadAll(r); err == nil {
				read <- raw
			}
		}
	}()
	_, err = sets.Write(t.Context(), &snapshot.Dump{Path: pipe})
	require.NoError(t, err)
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, want, <-read)
	require.Equal(t, []string{"pipe", "set.dat"}, names(t, dir))
}
