package supervise

import (
	"bytes"
	"fmt"
	"log/slog"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestADeathOfSIGTERMIsNoFailedStop: a process that is told to end before it
// handles signals does end in order, as far as anybody can tell.
func TestADeathOfSIGTERMIsNoFailedStop(t *testing.T) {
	for sig, lines := range map[syscall.Signal]int{syscall.SIGTERM: 0, syscall.SIGABRT: 1} {
		cat := exec.Command("cat")
		stdin, err := cat.StdinPipe()
		require.NoError(t, err)
		defer stdin.Close()
		require.NoError(t, cat.Start())
		require.NoError(t, cat.Process.Signal(sig))
		state, err := cat.Process.Wait()
		var log bytes.Buffer
		s := New(Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		s.noteFailedStop(&compartment{}, fmt.Errorf("run: %w", describeEnd(state, err, &tail{})))
		require.Equal(t, lines, bytes.Count(log.Bytes(), []byte("did not end in order")), sig)
	}
}
