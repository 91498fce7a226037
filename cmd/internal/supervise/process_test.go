package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/part"
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

// TestAFinalFailureEndsTheShip: a vital compartment that says that a new start
// is of no use is believed, and its words are for the user.
func TestAFinalFailureEndsTheShip(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", fmt.Sprintf("exit %d", FinalStatus))
	require.Error(t, cmd.Run())
	words := &tail{limit: 100}
	_, err := words.Write([]byte("Error: no room\n"))
	require.NoError(t, err)
	ended := describeEnd(cmd.ProcessState, nil, words)
	for cause, own := range map[error]bool{ended: true, part.Final(errors.New("Error: no room")): false} {
		s := New(Config{Logger: slog.New(slog.DiscardHandler)})
		c := &compartment{spec: Spec{Instance: "node", Policy: Vital}, attached: true}
		require.True(t, s.verdict(c, cause, 1))
		<-s.Done()
		var final *FinalError
		require.ErrorAs(t, s.Why(), &final)
		require.Equal(t, "Error: no room", final.Error())
		require.Equal(t, own, final.OwnWords())
	}
	s := New(Config{Logger: slog.New(slog.DiscardHandler)})
	c := &compartment{spec: Spec{Instance: "node", Policy: Vital}, attached: true}
	require.False(t, s.verdict(c, &ExitError{Status: "exit status 1"}, 1))
}
