package space_test

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/space"
)

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, space.Check(dir, -space.Reserve))
	err := space.Check(dir, math.MaxInt64/2)
	require.ErrorIs(t, err, space.ErrLow)
	var low *space.LowError
	require.ErrorAs(t, err, &low)
	require.Equal(t, dir, low.Dir)
	require.Equal(t, int64(math.MaxInt64/2)+space.Reserve, low.Need)
	require.Contains(t, err.Error(), `Disk space is low for "`+dir+`": `)
	require.NoError(t, space.Check(filepath.Join(dir, "none"), math.MaxInt64/2))
}
