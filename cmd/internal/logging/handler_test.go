package logging_test

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/cmd/internal/logging"
)

func at() time.Time { return time.Date(2026, 11, 21, 12, 0, 1, 234567890, time.UTC) }

func TestLayoutOfLines(t *testing.T) {
	var out bytes.Buffer
	log := logging.New(&out, logging.NewLive(logging.Config{Categories: []string{"all"}, Excluded: []string{"leveldb"}, Trace: true, Micros: true}), at)
	log.Info("Loaded best chain")
	log.Warn("Odd")
	net := log.With("cat", "net")
	net.Debug("received: ping (8 bytes) peer=0")
	net.Log(context.Background(), logging.LevelTrace, "deep")
	net.Warn("worse")
	log.With("cat", "leveldb").Debug("excluded")
	log.Debug("without a category")
	net.Info("agent \x1b[31m", slog.Int("n", 3))
	require.Equal(t, `2026-11-21T12:00:01.234567Z Loaded best chain
2026-11-21T12:00:01.234567Z [warning] Odd
2026-11-21T12:00:01.234567Z [net] received: ping (8 bytes) peer=0
2026-11-21T12:00:01.234567Z [net:trace] deep
2026-11-21T12:00:01.234567Z [net:warning] worse
2026-11-21T12:00:01.234567Z agent \x1b[31m n=3
`, out.String())
}

func TestDebugLinesNeedTheirCategory(t *testing.T) {
	var out bytes.Buffer
	log := logging.New(&out, logging.NewLive(logging.Config{Categories: []string{"ipc"}, NoTime: true, Thread: "node"}), at)
	log.With("cat", "net").Debug("unwanted")
	log.With("cat", "ipc").Debug("wanted")
	log.With("cat", "ipc").Log(context.Background(), logging.LevelTrace, "too deep")
	require.Equal(t, "[node] [ipc] wanted\n", out.String())
}

// writes records what each Write was given.
type writes [][]byte

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, bytes.Clone(p))
	return len(p), nil
}

func TestALineIsOneWrite(t *testing.T) {
	var out writes
	log := logging.New(&out, logging.NewLive(logging.Config{}), at)
	log.Info("one")
	log.Info("two")
	require.Len(t, out, 2)
	require.True(t, bytes.HasSuffix(out[1], []byte(" two\n")))
}

// Categories may be switched while loggers that were made before are in use.
func TestCategoriesAreSwitchedLive(t *testing.T) {
	var out bytes.Buffer
	live := logging.NewLive(logging.Config{Categories: []string{"all"}, Excluded: []string{"net"}, NoTime: true})
	log := logging.New(&out, live, at)
	net, ipc := log.With("cat", "net"), log.With("cat", "ipc")
	change := func(include, exclude []string) {
		_, ok := live.Change(include, exclude)
		require.True(t, ok)
		out.Reset()
		net.Debug("one")
		ipc.Debug("two")
	}
	change([]string{"net"}, []string{"ipc"})
	require.Equal(t, "[net] one\n", out.String())
	require.True(t, live.Active()["zmq"])
	change([]string{"ipc"}, []string{"1"})
	require.Empty(t, out.String())
	require.NotContains(t, slices.Collect(maps.Values(live.Active())), true)
	change([]string{"all"}, nil)
	require.Equal(t, "[net] one\n[ipc] two\n", out.String())
	change(nil, nil)
	require.Len(t, live.Active(), len(logging.Categories()))
	require.True(t, slices.IsSorted(logging.Categories()))
	unknown, ok := live.Change([]string{"net"}, []string{"nett"})
	require.False(t, ok)
	require.Equal(t, "nett", unknown)
}

// A category of the past may be named: nothing changes.
func TestACategoryThatIsGone(t *testing.T) {
	live := logging.NewLive(logging.Config{Categories: []string{"net"}})
	before := live.Active()
	require.NotContains(t, before, logging.Gone)
	_, ok := live.Change([]string{logging.Gone}, []string{logging.Gone})
	require.True(t, ok)
	require.Equal(t, before, live.Active())
	unknown, ok := live.Change([]string{"libevents"}, nil)
	require.False(t, ok)
	require.Equal(t, "libevents", unknown)
}

func TestPlacesInTheProgram(t *testing.T) {
	var out bytes.Buffer
	log := logging.New(&out, logging.NewLive(logging.Config{Source: true, NoTime: true, Thread: "node"}), time.Now)
	log.Warn("here")
	require.Regexp(t, `^\[node\] \[handler_test.go:\d+\] \[TestPlacesInTheProgram\] \[warning\] here\n$`, out.String())
}
