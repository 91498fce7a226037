package ship

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// feeRig writes what a node of the test's tells.
type feeRig struct {
	*feeFiles
	t     *testing.T
	reply [][]byte
	err   error
	asked []bool // for the last time
	lines strings.Builder
}

func newFeeRig(t *testing.T) *feeRig {
	r := &feeRig{t: t, reply: [][]byte{[]byte("policy"), []byte("window")}}
	r.feeFiles = &feeFiles{
		dir: t.TempDir(), due: time.Now().Add(feesInterval),
		log: slog.New(slog.NewTextHandler(&r.lines, &slog.HandlerOptions{Level: slog.LevelDebug})),
		ask: func(_ context.Context, last bool) (msg.FeeEstimatesReply, error) {
			r.asked = append(r.asked, last)
			return msg.FeeEstimatesReply{Frames: bus.Frames{Attached: r.reply}}, r.err
		},
	}
	return r
}

func (r *feeRig) content(name string) string {
	raw, err := os.ReadFile(filepath.Join(r.dir, "fees", name))
	require.NoError(r.t, err)
	return string(raw)
}

func TestFeeEstimatesAreWrittenEveryHour(t *testing.T) {
	r := newFeeRig(t)
	r.skip(t.Context(), 0)
	r.skip(t.Context(), time.Minute)
	require.Empty(t, r.asked)
	r.skip(t.Context(), time.Hour-time.Minute)
	require.Equal(t, []bool{false}, r.asked)
	require.Equal(t, "policy", r.content("block_policy_estimates.dat"))
	require.Equal(t, "window", r.content("mempool_policy_estimator.dat"))
	for _, line := range []string{
		"Flushed fee estimates to " + filepath.Join(r.dir, "fees", "block_policy_estimates.dat") + ".",
		"mempool_policy: mined-block stats flushed to " + filepath.Join(r.dir, "fees", "mempool_policy_estimator.dat") + ".",
	} {
		require.Contains(t, r.lines.String(), line)
	}
	r.skip(t.Context(), time.Hour-time.Minute)
	require.Len(t, r.asked, 1, "an hour from then")

	require.NoError(t, os.RemoveAll(filepath.Join(r.dir, "fees")))
	r.reply[0] = []byte("more")
	r.last()
	require.Equal(t, []bool{false, true}, r.asked)
	require.Equal(t, "more", r.content("block_policy_estimates.dat"))
}

func TestFeeEstimatesThatAreNone(t *testing.T) {
	for _, reply := range [][][]byte{nil, {{1}}, {{1}, {2}, {3}}, {make([]byte, msg.MaxFeeEstimates+1), {1}}} {
		r := newFeeRig(t)
		r.reply = reply
		r.last()
		require.NoDirExists(t, filepath.Join(r.dir, "fees"))
		require.Contains(t, r.lines.String(), "Failed to get fee estimates")
	}
	r := newFeeRig(t)
	r.err = errors.New("nobody is there")
	r.last()
	require.Contains(t, r.lines.String(), "nobody is there")

	r = newFeeRig(t) // a file is in the place of the folder
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, "fees"), nil, 0o600))
	r.last()
	require.Contains(t, r.lines.String(), "Failed to create fee estimates directory")

	r = newFeeRig(t)
	require.NoError(t, os.MkdirAll(filepath.Join(r.dir, "fees", "block_policy_estimates.dat"), 0o700))
	r.last()
	require.Contains(t, r.lines.String(), "Failed to write fee estimates to")
	require.Equal(t, "window", r.content("mempool_policy_estimator.dat"))
}

// TestBlocksOnlyWritesNoFeeEstimates, nor is anything asked for.
func TestBlocksOnlyWritesNoFeeEstimates(t *testing.T) {
	var none *feeFiles
	none.run(t.Context())
	none.skip(t.Context(), time.Hour)
	none.last()
	s := &ship{parts: &partSettings{}}
	s.parts.node.BlocksOnly = true
	require.Nil(t, s.newFeeFiles())
}
