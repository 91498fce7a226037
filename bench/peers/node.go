package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/bulkheadnode/bulkhead/bench/internal/proc"
)

// program is the node's, built if none is given.
func (c config) program(ctx context.Context, dir string, progress io.Writer) (string, error) {
	if c.node != "" {
		return c.node, nil
	}
	fmt.Fprintln(progress, "building bulkhead")
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/bulkheadnode/bulkhead").Output()
	if err != nil {
		return "", fmt.Errorf("finding bulkhead's module (run the program in the folder bench): %w", err)
	}
	path := filepath.Join(dir, "bulkhead")
	build := exec.CommandContext(ctx, "go", "build", "-o", path, "./cmd/bulkhead")
	build.Dir = strings.TrimSpace(string(root))
	out, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building it: %w\n%s", err, out)
	}
	return path, nil
}

// runNode starts a node on regtest that takes as many connections as wanted.
func runNode(ctx context.Context, c config, dir string, progress io.Writer) (cmd *exec.Cmd, port int, err error) {
	program, err := c.program(ctx, dir, progress)
	if err != nil {
		return nil, 0, err
	}
	if port, err = freePort(); err != nil {
		return nil, 0, err
	}
	rpc, err := freePort()
	if err != nil {
		return nil, 0, err
	}
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return nil, 0, err
	}
	cmd = exec.Command(program, "-regtest", "-datadir="+data, "-listen=1", fmt.Sprintf("-bind=127.0.0.1:%d", port), fmt.Sprintf("-rpcport=%d", rpc),
		"-connect=0", "-dnsseed=0", "-disablewallet", "-listenonion=0", "-p2pworkers="+c.workers, "-inboundrelaypercent=100", "-maxconnections="+strconv.Itoa(c.connections+20))
	cmd.Stderr = progress
	if err := cmd.Start(); err != nil {
		return nil, 0, err
	}
	for began := time.Now(); ; {
		nc, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return cmd, port, nc.Close()
		}
		if time.Since(began) > patience || ctx.Err() != nil {
			return nil, 0, fmt.Errorf("the node does not listen: %w", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// stopNode ends it in order.
func stopNode(cmd *exec.Cmd) error {
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	return cmd.Wait()
}

// usage is what the processes of a node take.
type usage struct {
	processes, threads int
	resident, shared   uint64 // bytes: of each summed up, and with what is shared divided
	cpu                time.Duration
}

func usageOf(root int) (u usage, err error) {
	family, err := proc.Family(root)
	if err != nil {
		return u, err
	}
	for pid, s := range family {
		u.processes++
		u.cpu += s.CPU
		resident, _ := proc.Resident(pid) // it may have just ended
		u.resident += resident
		u.shared += proportional(pid)
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid)) // the pattern is well formed
		u.threads += len(tasks)
	}
	return u, nil
}

// proportional is a process's PSS: of what it shares, its part. 0 if it may not be read.
func proportional(pid int) uint64 {
	text, err := proc.Text(strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) >= 2 && words[0] == "Pss:" {
			kib, _ := strconv.ParseUint(words[1], 10, 64) // a number, or nothing to count
			return kib << 10
		}
	}
	return 0
}
