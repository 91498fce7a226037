package logging

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "debug.log")
	f, err := OpenFile(path)
	require.NoError(t, err)
	defer f.Close()
	write := func(text string) {
		_, err := f.WriteString(text)
		require.NoError(t, err)
	}
	content := func(name string) string {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return string(raw)
	}
	write("1\n")
	require.NoError(t, os.Rename(path, path+".1"))
	write("2\n")
	require.NoError(t, Reopen(f, path))
	write("3\n")
	require.Equal(t, "1\n2\n", content("debug.log.1"))
	require.Equal(t, "3\n", content("debug.log"))

	require.NoError(t, Reopen(f, path), "it is there still")
	write("4\n")
	require.Equal(t, "3\n4\n", content("debug.log"))

	require.ErrorIs(t, Reopen(f, filepath.Join(dir, "none", "debug.log")), os.ErrNotExist)
	write("5\n")
	require.Equal(t, "3\n4\n5\n", content("debug.log"), "the old file goes on")
}
