package snapshot_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/snapshot"
)

// folders makes files, "folder/file" with their own names in them, in a data directory.
func folders(t *testing.T, files ...string) string {
	dir := t.TempDir()
	for _, name := range files {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	return dir
}

// found lists the files below a directory, and the folders without any.
func found(t *testing.T, dir string) string {
	var all []string
	tops, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, top := range tops {
		inside, err := os.ReadDir(filepath.Join(dir, top.Name()))
		require.NoError(t, err)
		if len(inside) == 0 {
			all = append(all, top.Name())
		}
		for _, e := range inside {
			all = append(all, top.Name()+"/"+e.Name())
		}
	}
	return strings.Join(all, " ")
}

// TestArrange: every state in which a node, or a start, may have ended leads to folders
// for the next, and doing it again changes nothing.
func TestArrange(t *testing.T) {
	const fresh = "chainstate chainstate_rollback chainstate_snapshot"
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"nothing":           {nil, fresh},
		"a set":             {[]string{"chainstate/a"}, "chainstate/a chainstate_rollback chainstate_snapshot"},
		"a loaded one":      {[]string{"chainstate/a", "chainstate_snapshot/b", "chainstate_snapshot/base_blockhash"}, "chainstate/a chainstate_rollback chainstate_snapshot/b chainstate_snapshot/base_blockhash"},
		"a proven one":      {[]string{"chainstate/a", "chainstate_snapshot/b", "chainstate_snapshot/base_blockhash", "chainstate_snapshot/proven"}, "chainstate/b chainstate_rollback chainstate_snapshot"},
		"renamed once":      {[]string{"chainstate_todelete/a", "chainstate_snapshot/b", "chainstate_snapshot/base_blockhash", "chainstate_snapshot/proven"}, "chainstate/b chainstate_rollback chainstate_snapshot"},
		"renamed twice":     {[]string{"chainstate_todelete/a", "chainstate/b", "chainstate/base_blockhash", "chainstate/proven"}, "chainstate/b chainstate_rollback chainstate_snapshot"},
		"of an old version": {[]string{"chainstate_todelete/a", "chainstate/b", "chainstate/base_blockhash", "chainstate.removed/c"}, "chainstate/b chainstate_rollback chainstate_snapshot"},
		"a refuted one":     {[]string{"chainstate/a", "chainstate_snapshot/b", "chainstate_snapshot/refuted", "chainstate_snapshot_INVALID/old"}, "chainstate/a chainstate_rollback chainstate_snapshot chainstate_snapshot_INVALID/b chainstate_snapshot_INVALID/refuted"},
		"half deleted":      {[]string{"chainstate/a", "chainstate/DELETING", "chainstate_snapshot/b", "chainstate_snapshot/base_blockhash", "chainstate_snapshot/DELETING"}, fresh},
		"a dump cut short":  {[]string{"chainstate/a", "chainstate_rollback/temp/x"}, "chainstate/a chainstate_rollback chainstate_snapshot"},
	} {
		dir := folders(t, c.files...)
		for range 2 {
			require.NoError(t, snapshot.Arrange(dir, slog.New(slog.DiscardHandler)), name)
			require.Equal(t, c.want, found(t, dir), name)
		}
		for _, folder := range snapshot.Folders(dir) {
			require.DirExists(t, folder, name)
		}
		snapshot.Tidy(dir)
		require.NoDirExists(t, filepath.Join(dir, "chainstate_rollback"), name)
		if !strings.Contains(c.want, "chainstate_snapshot/") {
			require.NoDirExists(t, filepath.Join(dir, "chainstate_snapshot"), name)
		}
	}
}

// What a user has moved to another disk, and put a link in its place for, stays there.
func TestALinkToAFolderIsNotTidiedAway(t *testing.T) {
	dir, disk := t.TempDir(), t.TempDir()
	link := filepath.Join(dir, "indexes")
	require.NoError(t, os.Symlink(disk, link))
	snapshot.RemoveEmpty(link)
	_, err := os.Lstat(link)
	require.NoError(t, err)
	full, empty := filepath.Join(dir, "full"), filepath.Join(dir, "empty")
	require.NoError(t, os.MkdirAll(filepath.Join(full, "x"), 0o700))
	require.NoError(t, os.Mkdir(empty, 0o700))
	snapshot.RemoveEmpty(full)
	snapshot.RemoveEmpty(empty)
	require.DirExists(t, full)
	require.NoDirExists(t, empty)
}
