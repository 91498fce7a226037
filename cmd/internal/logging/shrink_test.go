package logging_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/cmd/internal/logging"
)

func TestOnlyALongLogIsShrunk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "debug.log")
	require.NoError(t, logging.Shrink(path), "there is none")
	var log bytes.Buffer
	for i := 0; log.Len() < 10_500_000; i++ {
		fmt.Fprintf(&log, "line %d\n", i)
	}
	require.NoError(t, os.WriteFile(path, log.Bytes(), 0o600))
	require.NoError(t, logging.Shrink(path))
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, raw, log.Len())

	log.Write(log.Bytes())
	require.NoError(t, os.WriteFile(path, log.Bytes(), 0o600))
	require.NoError(t, logging.Shrink(path))
	raw, err = os.ReadFile(path)
	require.NoError(t, err)
	require.InDelta(t, 10_000_000, len(raw), 20)
	require.True(t, bytes.HasSuffix(log.Bytes(), raw), "the end is kept")
	require.True(t, bytes.HasPrefix(raw, []byte("line ")), "from the beginning of a line")
}
