package durable

import (
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNames(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, Names(dir))
	require.ErrorIs(t, Names(filepath.Join(dir, "none")), fs.ErrNotExist)
}
