package supervise

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The time is what the kernel tells the process itself, but for what has passed since.
func TestCPUTimeIsTheKernels(t *testing.T) {
	for n := 0; CPUTime(os.Getpid()) == 0; n++ {
		require.Less(t, n, 1_000_000_000)
	}
	got := CPUTime(os.Getpid())
	var own syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &own))
	used := time.Duration(own.Utime.Nano() + own.Stime.Nano())
	require.LessOrEqual(t, got, used+2*clockTick)
	require.Positive(t, got)
	require.Zero(t, CPUTime(-1))
}

// Descriptors are counted with the limit that holds for them.
func TestDescriptorsAreTheKernels(t *testing.T) {
	before, limit := Descriptors(os.Getpid())
	var r syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r))
	require.EqualValues(t, min(r.Cur, 1<<31-1), limit)
	for range 20 {
		f, err := os.Open(os.DevNull)
		require.NoError(t, err)
		defer f.Close()
	}
	after, _ := Descriptors(os.Getpid())
	require.GreaterOrEqual(t, after, before+19, "the runtime may have closed one")
	open, limit := Descriptors(-1)
	require.Zero(t, open+limit)
}
