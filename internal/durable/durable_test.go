package durable

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNames(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, Names(dir))
	require.ErrorIs(t, Names(filepath.Join(dir, "none")), fs.ErrNotExist)
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "settings.json")
	require.NoError(t, Replace(path, []byte("old"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".settings.json.new"), []byte("left by a crash, and longer"), 0o644))
	reader, err := os.Open(path)
	require.NoError(t, err)
	defer reader.Close()
	require.NoError(t, Replace(path, []byte("new"), 0o666))

	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "new", string(raw))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o666), info.Mode().Perm(), "whatever the umask")
	raw, err = io.ReadAll(reader)
	require.NoError(t, err)
	require.Equal(t, "old", string(raw), "who has the old file open keeps it")
	requireNames(t, dir, "settings.json")
}

// TestReplaceFails: what cannot be replaced stays as it is, and nothing is left
// beside it.
func TestReplaceFails(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	require.Error(t, Replace(filepath.Join(dir, "folder"), []byte("x"), 0o600), "a folder is no file")
	requireNames(t, dir, "folder")
	require.ErrorIs(t, Replace(filepath.Join(dir, "none", "file"), nil, 0o600), fs.ErrNotExist)

	// The place of the new content is taken: the old file stays.
	path := filepath.Join(dir, "file")
	require.NoError(t, Replace(path, []byte("old"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, ".file.new"), 0o700))
	require.ErrorIs(t, Replace(path, []byte("new"), 0o600), syscall.EISDIR, "even an empty folder is somebody's")
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "old", string(raw))
}

func requireNames(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var found []string
	for _, e := range entries {
		found = append(found, e.Name())
	}
	require.Equal(t, names, found)
}

// A folder in the way is not removed, even an empty one.
func TestReplaceLeavesAFolderAlone(t *testing.T) {
	dir := t.TempDir()
	temporary := filepath.Join(dir, "cookie.tmp")
	require.NoError(t, os.Mkdir(temporary, 0o700))
	require.Error(t, ReplaceBy(temporary, filepath.Join(dir, "cookie"), []byte("new"), 0o600))
	require.DirExists(t, temporary)
	require.NoFileExists(t, filepath.Join(dir, "cookie"))
}
