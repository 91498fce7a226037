package snapshot_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
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
	sets, _ := openSetsOf(t, 10, slog.New(slog.DiscardHandler))
	return sets
}

// openSetsOf opens the sets of a chain of so many blocks.
func openSetsOf(t *testing.T, blocks int, log *slog.Logger) (*snapshot.Sets, *chainstate.Owner) {
	t.Helper()
	params := chaintest.Regtest(t)
	disk := chaintest.OpenDisk(t, t.TempDir(), params)
	t.Cleanup(func() { disk.Close(t) })
	tip := chaintest.Genesis(t, params).Extend(blocks, 0)
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
	return sets, owner
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

// TestADumpOfThePastIsThatOfThen, whether its copy of the set is in memory or on
// disk, of which nothing stays.
func TestADumpOfThePastIsThatOfThen(t *testing.T) {
	dir := t.TempDir()
	then, _ := openSetsOf(t, 7, slog.New(slog.DiscardHandler))
	want, err := then.Write(t.Context(), &snapshot.Dump{Path: filepath.Join(dir, "then.dat")})
	require.NoError(t, err)
	whole, err := os.ReadFile(want.Path)
	require.NoError(t, err)
	now, owner := openSetsOf(t, 10, slog.New(slog.DiscardHandler))
	target := owner.Chain().View().At(7)
	for name, inMemory := range map[string]bool{"memory.dat": true, "disk.dat": false} {
		got, err := now.Write(t.Context(), &snapshot.Dump{Path: filepath.Join(dir, name), Target: target, InMemory: inMemory})
		require.NoError(t, err)
		raw, err := os.ReadFile(got.Path)
		require.NoError(t, err)
		require.Equal(t, whole, raw)
		require.Equal(t, filepath.Join(dir, name), got.Path)
		got.Path = want.Path
		require.Equal(t, want, got)
	}
	require.Equal(t, []string{"disk.dat", "memory.dat", "then.dat"}, names(t, dir))
}

// at calls a function when a line with a text is logged.
type at struct {
	slog.Handler
	text string
	do   func()
}

func (h *at) Enabled(context.Context, slog.Level) bool { return true }

func (h *at) Handle(_ context.Context, line slog.Record) error {
	if strings.Contains(line.Message, h.text) {
		h.do()
	}
	return nil
}

func (h *at) WithAttrs([]slog.Attr) slog.Handler { return h }

// TestADumpThatIsGivenUpLeavesNothing: neither a part of the file nor the copy of
// the set that was being rolled back. It can be made again.
func TestADumpThatIsGivenUpLeavesNothing(t *testing.T) {
	var leave context.CancelCauseFunc
	errGone := errors.New("the caller is gone")
	log := slog.New(&at{slog.DiscardHandler, "Rolling back from height 10 to 7", func() { leave(errGone) }})
	sets, owner := openSetsOf(t, 10, log)
	dir := t.TempDir()
	for _, inMemory := range []bool{true, false} {
		dump := &snapshot.Dump{Path: filepath.Join(dir, "set.dat"), Target: owner.Chain().View().At(7), InMemory: inMemory}
		ctx, cancel := context.WithCancelCause(t.Context())
		leave = cancel
		_, err := sets.Write(ctx, dump)
		cancel(nil)
		require.ErrorIs(t, err, errGone)
		require.Empty(t, names(t, dir))
		require.EqualValues(t, 100, sets.PruneLock(100), "it keeps no blocks")
	}
	_, err := sets.Write(t.Context(), &snapshot.Dump{Path: filepath.Join(dir, "set.dat")})
	require.NoError(t, err)
	require.Equal(t, []string{"set.dat"}, names(t, dir))
}

// TestADumpToAFullDiskLeavesNothing, and can be made when there is room.
func TestADumpToAFullDiskLeavesNothing(t *testing.T) {
	sets, dir := openSets(t), t.TempDir()
	path := filepath.Join(dir, "set.dat")
	require.NoError(t, os.Symlink("/dev/full", path+".incomplete"))
	_, err := sets.Write(t.Context(), &snapshot.Dump{Path: path})
	require.ErrorIs(t, err, unix.ENOSPC)
	require.Empty(t, names(t, dir))
	_, err = sets.Write(t.Context(), &snapshot.Dump{Path: path})
	require.NoError(t, err)
	require.Equal(t, []string{"set.dat"}, names(t, dir))
}

// TestOneDumpAtATimeToAFile: another one is refused while it is written, and keeps
// nothing of it from being finished.
func TestOneDumpAtATimeToAFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "set.dat")
	var sets *snapshot.Sets
	var second error
	log := slog.New(&at{slog.DiscardHandler, "Writing the UTXO set", func() {
		_, second = sets.Write(t.Context(), &snapshot.Dump{Path: path})
	}})
	sets, _ = openSetsOf(t, 10, log)
	_, err := sets.Write(t.Context(), &snapshot.Dump{Path: path})
	require.NoError(t, err)
	require.Equal(t, rpc.Errorf(rpc.InvalidParameter, "Couldn't open file %s.incomplete for writing.", path), second)
	require.Equal(t, []string{"set.dat"}, names(t, dir))
}
