package store

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLocked(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, Locked(filepath.Join(dir, "none")))
	require.NoError(t, Locked(dir))
	db := open(t, dir)
	require.ErrorIs(t, Locked(dir), ErrLocked)
	require.NoError(t, db.Close())
	require.NoError(t, Locked(dir))
	require.NoError(t, open(t, dir).Close())
}
