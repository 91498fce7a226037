package main_test

import (
	"fmt"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAStoppedProcessIsReplaced: whatever the role, a process that does not answer
// is killed, and another does its work.
func TestAStoppedProcessIsReplaced(t *testing.T) {
	n := startNode(t, "regtest", "-p2pworkers=1", "-compartmenttimeout=6")
	n.mine(1)
	list, err := n.compartments()
	require.NoError(t, err)
	stopped := map[string]int{}
	for _, c := range list {
		if c.Role != "supervisor" {
			require.NoError(t, syscall.Kill(c.PID, syscall.SIGSTOP))
			stopped[c.Instance] = c.PID
		}
	}
	require.Len(t, stopped, 7)
	n.eventually("others are there for all", func() error {
		list, err := n.compartments()
		if err != nil {
			return err
		}
		for _, c := range list {
			if pid, was := stopped[c.Instance]; was && (c.PID == pid || c.Kills == 0) {
				return fmt.Errorf("%s is what it was", c.Instance)
			}
		}
		return nil
	})
	for instance, pid := range stopped {
		require.Regexp(t, fmt.Sprintf(`%s \(pid %d\) has not answered for \d+ s \(-compartmenttimeout\): killed`, instance, pid), n.log())
	}
	n.eventually("the chain", func() error { _, err := n.call("getblockcount"); return err })
	require.Equal(t, 1, n.height())
	n.stop()
}

func TestAProcessThatIsTooLargeIsReplaced(t *testing.T) {
	n := startNode(t, "regtest", "-p2pworkers=1", "-compartmentmaxmemory=notify:1", "-compartmenttimeout=8")
	n.awaitLog("has", "MB of memory, and may have 1 (-compartmentmaxmemory): killed")
	n.stop()
	for _, bad := range []string{"worker", "worker:x", "ship:5", ":5", "worker:-1"} {
		out, err := exec.Command(bulkheadBinary, append(n.args, "-compartmentmaxmemory="+bad)...).CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "-compartmentmaxmemory="+bad+" is not <role>:<MB>")
	}
}
