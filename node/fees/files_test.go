package fees

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/feerate"
)

type filesRig struct {
	t     *testing.T
	cfg   Config
	lines strings.Builder
}

func newFilesRig(t *testing.T) *filesRig {
	r := &filesRig{t: t}
	r.cfg = Config{Dir: t.TempDir(), Log: slog.New(slog.NewTextHandler(&r.lines, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	return r
}

func (r *filesRig) write(path string, raw []byte) {
	require.NoError(r.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(r.t, os.WriteFile(path, raw, 0o600))
}

// best is the height of the last block of what is read.
func (r *filesRig) best() uint32 {
	r.lines.Reset()
	return r.cfg.readPolicy().Best()
}

func (r *filesRig) told(format string, args ...any) {
	r.t.Helper()
	require.Contains(r.t, r.lines.String(), fmt.Sprintf(format, args...))
}

func estimates(best uint32) []byte {
	e := feerate.New()
	e.Connect(best, []feerate.Confirmed{{ID: chainhash.Hash{1}}})
	return e.Append(nil)
}

func TestEstimatesAreReadUnlessTheyAreOld(t *testing.T) {
	r := newFilesRig(t)
	path := PolicyPath(r.cfg.Dir)
	require.Zero(t, r.best())
	r.told("%s is not found. Continue anyway.", path)
	r.write(path, append(estimates(77), "what follows is not looked at"...))
	require.Equal(t, uint32(77), r.best())

	aged := func(hours time.Duration) {
		at := time.Now().Add(-hours*time.Hour - time.Minute)
		require.NoError(t, os.Chtimes(path, at, at))
	}
	aged(60)
	require.Equal(t, uint32(77), r.best())
	aged(61)
	require.Zero(t, r.best())
	r.told("Fee estimation file %s too old (age=61 > 60 hours) and will not be used to avoid serving stale estimates.", path)
	r.cfg.Stale = true
	require.Equal(t, uint32(77), r.best())
}

func TestFilesThatAreNoEstimates(t *testing.T) {
	r := newFilesRig(t)
	path := PolicyPath(r.cfg.Dir)
	for _, raw := range [][]byte{nil, []byte("garbage"), estimates(7)[:5000]} {
		r.write(path, raw)
		require.Zero(t, r.best())
		r.told("Unable to read policy estimator data (non-fatal): ")
		r.told("Failed to read fee estimates from %s. Continue anyway.", path)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(1<<40)) // nobody reads all of it
	require.NoError(t, f.Close())
	require.Zero(t, r.best())
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Mkdir(path, 0o700))
	require.Zero(t, r.best())
	r.told("is not a file")
}

func TestMigration(t *testing.T) {
	r := newFilesRig(t)
	legacy, path := filepath.Join(r.cfg.Dir, "fee_estimates.dat"), PolicyPath(r.cfg.Dir)
	Migrate(r.cfg.Dir, r.cfg.Log)
	require.NoDirExists(t, filepath.Dir(path))
	require.Empty(t, r.lines.String())

	r.write(legacy, estimates(5))
	Migrate(r.cfg.Dir, r.cfg.Log)
	r.told("Migrated fee estimates from %s to %s.", legacy, path)
	require.Equal(t, uint32(5), r.best())

	r.write(legacy, estimates(4))
	Migrate(r.cfg.Dir, r.cfg.Log)
	r.told("Removed legacy fee estimates file %s.", legacy)
	require.NoFileExists(t, legacy)
	require.Equal(t, uint32(5), r.best())

	require.NoError(t, os.RemoveAll(filepath.Dir(path)))
	r.write(filepath.Dir(path), nil)
	r.write(legacy, nil)
	Migrate(r.cfg.Dir, r.cfg.Log)
	r.told("Failed to create block policy fee estimates directory")
	require.FileExists(t, legacy)
}
