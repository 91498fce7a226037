package supervise

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/link"
	"github.com/bulkheadnode/bulkhead/bus/rights"
)

// runProcess starts a compartment as a process and returns when it has ended
// and its link is closed.
func (s *Supervisor) runProcess(ctx context.Context, c *compartment) error {
	settings, err := json.Marshal(c.settings())
	if err != nil {
		return fmt.Errorf("settings of %s: %w", c.spec.Instance, err)
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	line, theirLine, err := newLifeline()
	if err != nil {
		ours.Close()
		return err
	}
	defer theirLine.Close()
	defer line.Close()
	process, words, err := s.fork(c.spec, theirs, theirLine)
	if err != nil {
		ours.Close()
		return fmt.Errorf("starting %s: %w", c.spec.Instance, err)
	}
	theirs.Close()
	theirLine.Close()
	c.began(process.Pid, s.signaller(c, process, line))
	lastWords := &tail{limit: 32 << 10}
	var tasks sync.WaitGroup
	tasks.Go(func() {
		line.boot(s.boot(c.spec, settings))
		c.reachable(line.handOver)
		if err := s.docks.join(c, line); err != nil {
			s.cfg.Logger.Warn(err.Error())
		}
	})
	tasks.Go(func() {
		// What cannot be read any more was never said.
		_, _ = io.Copy(lastWords, words)
		words.Close()
	})
	tasks.Go(func() { c.confined(line.hear()) })
	linkCtx, closeLink := context.WithCancel(ctx)
	tasks.Go(func() { s.serve(linkCtx, ours, c) })
	state, err := process.Wait()
	closeLink()
	line.Close() // or boot and hear would wait for the process
	tasks.Wait()
	s.docks.leave(c)
	return describeEnd(state, err, lastWords)
}

// signaller sends a process signals, and debug.log instead of SIGHUP.
func (s *Supervisor) signaller(c *compartment, process *os.Process, line lifeline) func(os.Signal) {
	return func(sig os.Signal) {
		if sig != syscall.SIGHUP {
			_ = process.Signal(sig)
			return
		}
		if err := line.handOver(s.cfg.LogFile, aLog, ""); err != nil && !over(err) {
			s.cfg.Logger.Warn(fmt.Sprintf("%s goes on in the old debug.log: %v", c.spec.Instance, err))
		}
	}
}

func (s *Supervisor) boot(spec Spec, settings json.RawMessage) boot {
	return boot{
		Role: spec.Role, Instance: spec.Instance, Settings: settings, Listeners: len(spec.Listeners),
		Mock: s.cfg.Clock.Mock(), Mockable: s.cfg.Mockable, Log: s.cfg.Log.Config(),
		Sandbox: s.cfg.Sandbox, Single: spec.Single, UnixProxies: spec.UnixProxies, Files: spec.Files,
	}
}

// serve routes for a compartment's link until it ends.
func (s *Supervisor) serve(ctx context.Context, nc net.Conn, c *compartment) {
	id := broker.Identity{Role: c.spec.Role, Instance: c.spec.Instance}
	err := s.cfg.Broker.ServeWith(ctx, nc, id, s.limits(c.spec.Role))
	if err != nil && ctx.Err() == nil && !c.isStopping() && !errors.Is(err, syscall.ECONNRESET) {
		s.cfg.Logger.Warn(fmt.Sprintf("bus: link of %s: %v", c.spec.Instance, err))
	}
}

// limits are those of a compartment's link, at the broker. A child speaks when it has
// loaded its data, however long that takes; if it dies before, the kernel tells.
func (s *Supervisor) limits(role rights.Role) link.Limits {
	limits := link.Limits{Handshake: -1}
	if s.cfg.Heartbeat != nil {
		limits.Heartbeat = s.cfg.Heartbeat(role)
	}
	return limits
}

func socketPair() (net.Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	ours := os.NewFile(uintptr(fds[0]), "link")
	theirs := os.NewFile(uintptr(fds[1]), "link")
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	return conn, theirs, nil
}

// FinalStatus is the exit code of a compartment that failed with a
// part.ErrFinal.
const FinalStatus = 3

// TerminatedStatus is the exit code of a compartment that ended in order
// because of SIGTERM.
const TerminatedStatus = 4

// ExitError is how a compartment failed.
type ExitError struct {
	Status    string // "exit status 1", "signal: killed"
	LastWords string // what it wrote to standard error
	// Terminated tells that SIGTERM ended it, in order or before it could
	// handle that.
	Terminated bool
	// Final tells that it is of no use to start it again.
	Final bool
}

func (e *ExitError) Error() string {
	if e.LastWords == "" {
		return e.Status
	}
	return e.Status + ": " + e.LastWords
}

func describeEnd(state *os.ProcessState, err error, words *tail) error {
	if err == nil && state.Success() {
		return nil
	}
	status := ""
	if err != nil {
		status = err.Error()
	} else {
		status = state.String()
	}
	terminated, final := false, false
	if state != nil {
		final = state.ExitCode() == FinalStatus
		wait, ok := state.Sys().(syscall.WaitStatus)
		terminated = ok && wait.Signaled() && wait.Signal() == syscall.SIGTERM || state.ExitCode() == TerminatedStatus
	}
	if state != nil && state.ExitCode() == TerminatedStatus {
		status = "ended by a SIGTERM that the supervisor did not send"
	}
	return &ExitError{Status: status, LastWords: strings.TrimSpace(words.String()), Terminated: terminated, Final: final}
}

// tail keeps the end of what is written to it.
type tail struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	limit int
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p)
	if over := t.buf.Len() - t.limit; over > 0 {
		t.buf.Next(over)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

// ResidentBytes reads a process's resident set size from /proc, and what of it the
// process shares: mostly files, of which the kernel can take the memory back.
func ResidentBytes(pid int) (resident, shared int64) {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0, 0
	}
	fields := strings.Fields(string(raw))
	if len(fields) < 3 {
		return 0, 0
	}
	pages := func(field string) int64 {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0
		}
		return n * int64(os.Getpagesize())
	}
	return pages(fields[1]), pages(fields[2])
}

// Descriptors tells how many descriptors a process has open, and how many it may have;
// both are 0 if the system does not tell, or there is no process.
func Descriptors(pid int) (open, limit int) {
	if pid <= 0 {
		return 0, 0
	}
	folder := "/proc/" + strconv.Itoa(pid) + "/fd"
	info, err := os.Stat(folder)
	if err != nil {
		return 0, 0
	}
	// The size is their number since Linux 6.2. Who may not read the folder may ask
	// for that.
	if open = int(info.Size()); open == 0 {
		list, err := os.ReadDir(folder)
		if err != nil {
			return 0, 0
		}
		open = len(list)
	}
	var r unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &r); err != nil {
		return 0, 0
	}
	return open, int(min(r.Cur, math.MaxInt32))
}
