package main_test

import (
	"fmt"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAStoppedProcessIsReplaced: whatever the role, a process that does not answer
// is killed, and another does its work.
func TestAStoppedProcessIsReplaced(t *testing.T) {
	n := startNode(t, "regtest", "-p2pworkers=1", "-compartmenttimeout=3")
	n.mine(1)
	for _, instance := range []string{"gateway", "node", "peers", "wallet", "notify", "worker.1"} {
		pid := n.stall(instance)
		n.eventually(instance+" is another process", func() error {
			list, err := n.compartments()
			if err != nil {
				return err
			}
			for _, c := range list {
				if c.Instance == instance && c.PID != pid && c.Kills == 1 {
					return nil
				}
			}
			return fmt.Errorf("%s is not back", instance)
		})
		require.Contains(t, n.log(), fmt.Sprintf("%s (pid %d) has not answered for 3 s (-compartmenttimeout): killed", instance, pid))
	}
	n.eventually("the chain", func() error {
		if _, err := n.call("getblockcount"); err != nil {
			return err
		}
		return nil
	})
	require.Equal(t, 1, n.height())
	n.stop()
}

func TestAProcessThatIsTooLargeIsReplaced(t *testing.T) {
	n := startNode(t, "regtest", "-p2pworkers=1", "-compartmentmaxmemory=notify:1", "-compartmenttimeout=2")
	n.awaitLog("has", "MB of memory, and may have 1 (-compartmentmaxmemory): killed")
	n.stop()
	for _, bad := range []string{"worker", "worker:x", "ship:5", ":5", "worker:-1"} {
		out, err := exec.Command(bulkheadBinary, append(n.args, "-compartmentmaxmemory="+bad)...).CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "-compartmentmaxmemory="+bad+" is not <role>:<MB>")
	}
}
