package proc_test

import (
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bench/internal/proc"
)

func TestAFamilyIsAProcessWithItsDescendants(t *testing.T) {
	shell := exec.Command("sh", "-c", "cat; true")
	in, err := shell.StdinPipe()
	require.NoError(t, err)
	out, err := shell.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, shell.Start())
	// Its child runs when it echoes.
	_, err = io.WriteString(in, "x")
	require.NoError(t, err)
	_, err = io.ReadFull(out, make([]byte, 1))
	require.NoError(t, err)
	members, err := proc.Family(os.Getpid())
	require.NoError(t, err)
	require.Len(t, members, 3)
	require.Equal(t, os.Getpid(), members[shell.Process.Pid].Parent)
	require.Equal(t, "sh", proc.Title(shell.Process.Pid))
	require.NoError(t, in.Close())
	require.NoError(t, shell.Wait())
	gone, err := proc.Family(shell.Process.Pid)
	require.NoError(t, err)
	require.Empty(t, gone)
	require.Empty(t, proc.Title(shell.Process.Pid))
}

func TestAProcessIsItself(t *testing.T) {
	resident, err := proc.Resident(proc.Self)
	require.NoError(t, err)
	require.Greater(t, resident, uint64(1<<20))
	peak, err := proc.PeakResident(os.Getpid())
	require.NoError(t, err)
	require.GreaterOrEqual(t, peak, resident)
	_, err = proc.ReadStat(1 << 30)
	require.Error(t, err)
	busy, err := proc.Busy()
	require.NoError(t, err)
	own, err := proc.ReadStat(proc.Self)
	require.NoError(t, err)
	require.Greater(t, busy, own.CPU)
}
