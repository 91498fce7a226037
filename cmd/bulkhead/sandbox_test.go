package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// statusOf reads a field of what the kernel tells of a process.
func statusOf(pid int, field string) (int, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strconv.Atoi(strings.TrimSpace(value))
		}
	}
	return 0, fmt.Errorf("no %s", field)
}

// TestEveryProcessIsConfined: the kernel says so of each, and a worker that holds
// its peer is confined further than one that waits.
func TestEveryProcessIsConfined(t *testing.T) {
	server := startBlockServer(t)
	n := startNode(t, "main", mainnetArgs("-connect="+server, "-p2pworkers=perpeer", "-sandbox=require")...)
	n.eventually("a worker that holds its peer", func() error {
		sealed, waiting := 0, 0
		for _, pid := range n.pids("worker") {
			filters, err := statusOf(pid, "Seccomp_filters")
			if err != nil {
				return err
			}
			title, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if err != nil {
				return err
			}
			if strings.Contains(string(title), server) {
				sealed = filters
			} else {
				waiting = filters
			}
		}
		if waiting == 0 || sealed != waiting+1 {
			return fmt.Errorf("filters of one that waits: %d, of one that holds its peer: %d", waiting, sealed)
		}
		return nil
	})
	// A worker may have been started just now.
	n.eventually("all are confined", func() error {
		list, err := n.compartments()
		if err != nil {
			return err
		}
		for _, c := range list {
			if c.Role == "supervisor" {
				continue // it starts the others
			}
			for field, want := range map[string]int{"Seccomp": 2, "NoNewPrivs": 1} {
				if got, err := statusOf(c.PID, field); err != nil || got != want {
					return fmt.Errorf("%s of %s: %d %w", field, c.Instance, got, err)
				}
			}
			if c.Filters == 0 {
				return fmt.Errorf("no filters of %s are told", c.Instance)
			}
			if !strings.Contains(c.Sandbox, "files (Landlock)") {
				return fmt.Errorf("%s may open any file: %q", c.Instance, c.Sandbox)
			}
		}
		return nil
	})
	require.Contains(t, n.log(), "Sandbox: every process is confined to what its part needs")
	n.stop()
}

func TestTheSandboxCanBeOff(t *testing.T) {
	n := startNode(t, "regtest", "-sandbox=off")
	for _, pid := range append(n.pids("node"), n.pids("wallet")...) {
		mode, err := statusOf(pid, "Seccomp")
		require.NoError(t, err)
		require.Zero(t, mode)
	}
	n.eventually("it is told", func() error {
		list, err := n.compartments()
		for _, c := range list {
			if c.Role != "supervisor" && c.Sandbox != "off" {
				return fmt.Errorf("%s: %q", c.Instance, c.Sandbox)
			}
		}
		return err
	})
	n.stop()
	for complaint, args := range map[string][]string{
		`-sandbox=no is neither "require" nor "try" nor "off"`:      {"-sandbox=no"},
		"-sandbox=require cannot be had with -multiprocess=0: all ": {"-sandbox=require", "-multiprocess=0"},
	} {
		out, err := exec.Command(bulkheadBinary, append(n.args, args...)...).CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), complaint)
	}
}
