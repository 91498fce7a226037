package main_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// background runs the program with a node's arguments and further ones to its end.
func (n *node) background(more ...string) (stdout, stderr string, err error) {
	n.t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(bulkheadBinary, append(n.args, more...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	n.t.Cleanup(n.killLeft)
	return out.String(), errs.String(), err
}

// killLeft ends what a failed test left in the background.
func (n *node) killLeft() {
	raw, err := os.ReadFile(filepath.Join(n.net, "bitcoind.pid"))
	if err != nil {
		return
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(string(raw))); err == nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// leave stops a node in the background and waits for the end of its process.
func (n *node) leave(pid int) {
	n.t.Helper()
	require.Equal(n.t, "Bulkhead stopping", n.must("stop"))
	n.eventually("end", func() error {
		if alive(pid) {
			return errors.New("it is alive")
		}
		return nil
	})
}

func (n *node) supervisor() int {
	n.t.Helper()
	list, err := n.compartments()
	require.NoError(n.t, err)
	for _, c := range list {
		if c.Role == "supervisor" {
			return c.PID
		}
	}
	require.Fail(n.t, "no supervisor")
	return 0
}

// With -daemonwait the program returns when the node is ready: it serves RPC, in a
// session of its own. What reads the program's output to its end is not kept waiting.
func TestTheNodeGoesOnInTheBackground(t *testing.T) {
	n := newNode(t, "regtest")
	stdout, stderr, err := n.background("-daemonwait")
	require.NoError(t, err, stderr)
	require.Equal(t, "Bulkhead starting\n", stdout)
	require.Empty(t, stderr)
	require.EqualValues(t, 0, n.must("getblockcount"))
	pid := n.supervisor()
	session, _, errno := syscall.Syscall(syscall.SYS_GETSID, uintptr(pid), 0, 0)
	require.Zero(t, errno)
	require.EqualValues(t, pid, session)

	// Another one on the same folder tells why not, and so does its exit status.
	other := newNode(t, "regtest")
	other.args = append(other.args, "-datadir="+n.dir)
	_, stderr, err = other.background("-daemonwait")
	var ended *exec.ExitError
	require.ErrorAs(t, err, &ended)
	require.Equal(t, 1, ended.ExitCode())
	require.Contains(t, stderr, "Cannot obtain a lock on directory "+n.net)
	n.leave(pid)
	require.NoFileExists(t, filepath.Join(n.net, "bitcoind.pid"))
}

// With -daemon it returns at once, and whoever wants to know looks at the file of the
// process's number.
func TestTheNodeStartsInTheBackground(t *testing.T) {
	n := newNode(t, "regtest")
	stdout, stderr, err := n.background("-daemon")
	require.NoError(t, err, stderr)
	require.Equal(t, "Bulkhead starting\n", stdout)
	n.eventually("RPC", func() error {
		_, err := n.call("getblockcount")
		return err
	})
	pid := n.supervisor()
	raw, err := os.ReadFile(filepath.Join(n.net, "bitcoind.pid"))
	require.NoError(t, err)
	require.Equal(t, strconv.Itoa(pid), strings.TrimSpace(string(raw)))
	n.leave(pid)

	_, stderr, err = n.background("-daemon", "-nosuchsetting")
	require.Error(t, err)
	require.Contains(t, stderr, "Invalid parameter -nosuchsetting")
}
