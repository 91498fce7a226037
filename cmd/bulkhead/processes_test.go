package main_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// crew returns the processes that the started one has begun, with their titles.
// It asks the kernel, so it works at any moment.
func (n *node) crew() map[int]string {
	n.t.Helper()
	entries, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(n.t, err)
	crew := map[int]string{}
	for _, path := range entries {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		require.NoError(n.t, err)
		if fields[1] != strconv.Itoa(n.cmd.Process.Pid) {
			continue
		}
		title, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		name, _, _ := strings.Cut(string(title), "\x00")
		crew[pid] = strings.TrimPrefix(name, "bulkhead: ")
	}
	return crew
}

// killRole ends the processes of a role at once, if there are any, and returns
// how many.
func (n *node) killRole(role string) (killed int) {
	n.t.Helper()
	for pid, title := range n.crew() {
		if title == role && syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	return killed
}

// killShip ends all processes at once and waits for their end.
func (n *node) killShip() {
	n.t.Helper()
	crew := n.crew()
	_ = n.cmd.Process.Kill() // it may have ended by itself
	err := <-n.ended
	n.ended <- err
	n.awaitGone(crew)
}

// awaitGone waits until none of the processes is left.
func (n *node) awaitGone(crew map[int]string) {
	n.t.Helper()
	n.eventually("the end of all processes", func() error {
		for pid, title := range crew {
			if alive(pid) {
				return fmt.Errorf("%s (pid %d) is alive", title, pid)
			}
		}
		return nil
	})
}

// cpuTicks is the CPU time that a process has used, in the kernel's hundredths of a
// second. What others do at the same time does not count.
func cpuTicks(t testing.TB, pid int) int {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	const user, system = 11, 12 // of proc(5), after the name
	var ticks int
	for _, field := range []int{user, system} {
		n, err := strconv.Atoi(fields[field])
		require.NoError(t, err)
		ticks += n
	}
	return ticks
}
