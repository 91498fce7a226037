package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/part"
)

// Pauses before a failed compartment is started again.
const (
	firstPause = 50 * time.Millisecond
	maxPause   = 10 * time.Second
	// steady is how long one must have run for its failures to be forgotten.
	steady = 20 * time.Second
	// hopeless is how many failures in a row of a vital compartment that does
	// not even reach the bus end the ship.
	hopeless = 6
)

// compartment is one that the supervisor keeps running.
type compartment struct {
	spec  Spec
	ended chan struct{} // closed when it will not be started again
	up    chan struct{} // closed when it is on the bus for the first time

	failure error // how its last run failed; to be read after ended is closed

	mu       sync.Mutex
	stopping bool
	retired  bool          // its end is for good, whenever that comes
	wake     chan struct{} // closed when stopping is set
	signal   func(os.Signal)
	give     func(f *os.File, what byte, name string) error // nil before it has its settings
	pid      int
	started  time.Time
	restarts int
	kills    int  // by Kill
	killed   int  // the process that was killed last
	attached bool // it has been on the bus, ever
	upNow    bool // see takeUpNow
	oldLog   bool // its process is to open debug.log anew when it is on the bus
	sandbox  string
}

func (c *compartment) began(pid int, signal func(os.Signal)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pid, c.signal, c.started, c.sandbox, c.give = pid, signal, time.Now(), "", nil
	if c.stopping {
		signal(syscall.SIGTERM)
	}
}

// reachable notes that the process has its settings, and can be given files.
func (c *compartment) reachable(give func(f *os.File, what byte, name string) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.give = give
}

// confined notes what the process said that it is in.
func (c *compartment) confined(sandbox string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sandbox = sandbox
}

// stop asks the compartment to end. A process that is stopped in the sense of
// SIGSTOP would never see that, so it is let go on.
func (c *compartment) stop(sig os.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stopping {
		c.stopping = true
		close(c.wake)
	}
	if c.signal != nil {
		c.signal(sig)
		c.signal(syscall.SIGCONT)
	}
}

// kill kills the process if it is still the one with the pid, and is not to end
// anyway. One that is stopped in the sense of SIGSTOP dies all the same.
func (c *compartment) kill(pid int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopping || c.signal == nil || c.pid != pid || c.killed == pid {
		return false
	}
	c.kills++
	c.killed = pid
	c.signal(syscall.SIGKILL)
	return true
}

// resume lets a process go on that was sent SIGSTOP.
func (c *compartment) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.signal != nil {
		c.signal(syscall.SIGCONT)
	}
}

// reopenLog makes the process open debug.log anew: at once if it is on the bus,
// or else as soon as it is, since it might die of the signal before.
func (c *compartment) reopenLog() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.oldLog = !c.upNow
	if c.upNow {
		c.signal(syscall.SIGHUP)
	}
}

// arrived notes that the compartment is on the bus.
func (c *compartment) arrived() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.upNow = true
	if !c.attached {
		c.attached = true
		close(c.up)
	}
	if c.oldLog {
		c.oldLog = false
		c.signal(syscall.SIGHUP)
	}
}

// settings are what the next start is to have.
func (c *compartment) settings() any {
	c.mu.Lock()
	first := c.restarts == 0
	c.mu.Unlock()
	if first || c.spec.Again == nil {
		return c.spec.Settings
	}
	if renew, ok := c.spec.Again.(func() any); ok {
		return renew()
	}
	return c.spec.Again
}

// takeUpNow reports whether the compartment has been on the bus since the
// last time this was asked.
func (c *compartment) takeUpNow() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	up := c.upNow
	c.upNow = false
	return up
}

func (c *compartment) retire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retired = true
}

func (c *compartment) isRetired() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.retired
}

func (c *compartment) isStopping() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopping
}

// keep runs the compartment until it is told to stop or its policy says that
// this was all.
func (s *Supervisor) keep(ctx context.Context, c *compartment) {
	defer s.forget(c)
	failures, pause := 0, firstPause
	for {
		began := time.Now()
		err := s.once(ctx, c)
		c.failure = err
		if ctx.Err() != nil || c.isStopping() || s.isEnding() {
			s.noteFailedStop(c, err)
			return
		}
		if time.Since(began) > steady {
			failures, pause = 0, firstPause
		}
		if c.takeUpNow() {
			failures = min(failures, 1) // it works, but for whatever kills it
		}
		failures++
		if s.verdict(c, err, failures) {
			return
		}
		if failures > 1 && !waitFor(ctx, c.wake, pause) || c.isRetired() {
			return
		}
		if failures > 1 {
			pause = min(2*pause, maxPause)
		}
		c.mu.Lock()
		c.restarts++
		c.mu.Unlock()
	}
}

func (s *Supervisor) once(ctx context.Context, c *compartment) error {
	if c.spec.Prepare != nil {
		if err := c.spec.Prepare(); err != nil {
			return err
		}
	}
	if s.cfg.InProcess {
		return s.runInProcess(ctx, c)
	}
	return s.runProcess(ctx, c)
}

// verdict decides what the end of a compartment means: true if it is not
// started again.
func (s *Supervisor) verdict(c *compartment, err error, failures int) bool {
	c.mu.Lock()
	attached := c.attached
	c.mu.Unlock()
	warn := func(line string) {
		s.cfg.Logger.Warn(line)
		if s.cfg.Ended != nil {
			s.cfg.Ended(Status{Role: c.spec.Role, Instance: c.spec.Instance, PID: c.pid}, line)
		}
	}
	switch {
	case c.spec.Policy == Once || c.isRetired():
		if err != nil {
			warn(fmt.Sprintf("%s (pid %d) failed: %v", c.spec.Instance, c.pid, err))
		}
		return true
	case c.spec.Policy == Vital && err == nil:
		s.finish(nil)
		return true
	case c.spec.Policy == Guest && !attached:
		warn(fmt.Sprintf("%s (pid %d) did not start: %v", c.spec.Instance, c.pid, orInOrder(err)))
		return true
	case err != nil && !attached:
		s.finish(&StartError{Instance: c.spec.Instance, Cause: err})
		return true
	case c.spec.Policy == Vital && isFinal(err):
		s.finish(&FinalError{err})
		return true
	case c.spec.Policy == Vital && failures >= hopeless:
		s.finish(&FatalError{Instance: c.spec.Instance, Cause: err})
		return true
	}
	warn(fmt.Sprintf("%s (pid %d) ended: %v; starting it again", c.spec.Instance, c.pid, orInOrder(err)))
	return false
}

// isFinal reports whether an end is one after which only the user can help.
func isFinal(err error) bool {
	var exit *ExitError
	return errors.Is(err, part.ErrFinal) || errors.As(err, &exit) && exit.Final
}

func orInOrder(err error) error {
	if err == nil {
		return errors.New("in order, though nobody asked it to")
	}
	return err
}

// noteFailedStop logs a stop that went wrong. A process that was told to end
// before it had begun could do no better than die of the signal.
func (s *Supervisor) noteFailedStop(c *compartment, err error) {
	var exit *ExitError
	early := errors.As(err, &exit) && exit.Terminated
	if err != nil && !early {
		s.cfg.Logger.Warn(fmt.Sprintf("%s (pid %d) did not end in order: %v", c.spec.Instance, c.pid, err))
	}
}

// waitFor pauses; it reports false if told to stop meanwhile.
func waitFor(ctx context.Context, stop <-chan struct{}, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-stop:
	case <-ctx.Done():
	}
	return false
}

// StartError is a compartment's failure before it had ever been on the bus.
type StartError struct {
	Instance string
	Cause    error
}

// Error is what the compartment said itself, if it said anything.
func (e *StartError) Error() string {
	if words := lastWords(e.Cause); words != "" {
		return words
	}
	return fmt.Sprintf("%s did not start: %v", e.Instance, e.Cause)
}

// OwnWords reports whether Error is what the compartment said itself.
func (e *StartError) OwnWords() bool { return lastWords(e.Cause) != "" }

// lastWords are what a compartment's process said before it failed, if it said
// anything.
func lastWords(err error) string {
	var exit *ExitError
	if errors.As(err, &exit) {
		return exit.LastWords
	}
	return ""
}

func (e *StartError) Unwrap() error { return e.Cause }

// FinalError is the end of a vital compartment after which only the user can
// help.
type FinalError struct{ Cause error }

// Error is what the compartment said.
func (e *FinalError) Error() string {
	if words := lastWords(e.Cause); words != "" {
		return words
	}
	return e.Cause.Error()
}

// OwnWords reports whether Error is what its process printed.
func (e *FinalError) OwnWords() bool { return lastWords(e.Cause) != "" }

func (e *FinalError) Unwrap() error { return e.Cause }

// FatalError is the end of a vital compartment that cannot be kept running.
type FatalError struct {
	Instance string
	Cause    error
}

func (e *FatalError) Error() string {
	return fmt.Sprintf("A fatal internal error occurred, see debug.log for details: %s fails again and again: %v", e.Instance, e.Cause)
}

func (e *FatalError) Unwrap() error { return e.Cause }
