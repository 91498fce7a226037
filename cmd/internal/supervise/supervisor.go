package supervise

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/cmd/internal/logging"
)

const defaultPatience = 10 * time.Second

// Config is what a Supervisor needs.
type Config struct {
	Executable string // this program
	InProcess  bool
	Parts      map[rights.Role]Part // used by InProcess
	Broker     *broker.Broker
	// Heartbeat is the silence after which the broker pings a compartment; nil
	// for the bus's default.
	Heartbeat func(rights.Role) time.Duration
	Logger    *slog.Logger
	// Ended, if set, is told of each end of a process that was not asked for, with
	// the line that was logged.
	Ended    func(s Status, line string)
	Log      *logging.Live // what new processes log
	LogFile  *os.File
	Sandbox  SandboxMode
	Clock    *clock.Clock
	Mockable bool
}

// Supervisor keeps compartments running.
type Supervisor struct {
	cfg      Config
	forker   forker
	docks    docks
	done     chan struct{} // closed by finish
	finished sync.Once
	why      error

	mu       sync.Mutex
	ending   bool // nothing is started any more
	all      map[string]*compartment
	keepers  sync.WaitGroup
	keepCtx  context.Context
	killKeep context.CancelFunc
}

// New makes a supervisor without compartments.
func New(cfg Config) *Supervisor {
	s := &Supervisor{
		cfg: cfg, forker: forker{jobs: make(chan func())},
		done: make(chan struct{}), all: map[string]*compartment{},
	}
	s.keepCtx, s.killKeep = context.WithCancel(context.Background())
	return s
}

// Run serves until ctx ends, then kills what is still running and joins it.
// Start needs it.
func (s *Supervisor) Run(ctx context.Context) {
	forkerDone := make(chan struct{})
	var thread sync.WaitGroup
	thread.Go(func() { s.forker.run(forkerDone) })
	<-ctx.Done()
	s.mu.Lock()
	s.ending = true
	for _, c := range s.all {
		c.stop(syscall.SIGKILL)
	}
	s.mu.Unlock()
	s.killKeep()
	s.keepers.Wait()
	close(forkerDone)
	thread.Wait()
}

// Start keeps a compartment running from now on.
func (s *Supervisor) Start(spec Spec) error {
	_, err := s.start(spec)
	return err
}

// StartAndWait is Start that returns when the compartment is on the bus, or
// tells why it ended before.
func (s *Supervisor) StartAndWait(ctx context.Context, spec Spec) error {
	c, err := s.start(spec)
	if err != nil {
		return err
	}
	select {
	case <-c.up:
		return nil
	case <-c.ended:
		return &StartError{Instance: spec.Instance, Cause: c.failure}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// RunOnce runs a compartment until it ends by itself, once, and tells how it failed.
func (s *Supervisor) RunOnce(ctx context.Context, spec Spec) error {
	spec.Policy = Once
	c, err := s.start(spec)
	if err != nil {
		return err
	}
	select {
	case <-c.ended:
	case <-ctx.Done():
		s.Stop(func(c Status) bool { return c.Instance == spec.Instance })
		return context.Cause(ctx)
	}
	if c.failure != nil {
		return &StartError{Instance: spec.Instance, Cause: c.failure}
	}
	return nil
}

func (s *Supervisor) start(spec Spec) (*compartment, error) {
	if spec.Patience == 0 {
		spec.Patience = defaultPatience
	}
	c := &compartment{
		spec: spec, ended: make(chan struct{}), wake: make(chan struct{}), up: make(chan struct{}),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return nil, fmt.Errorf("shutting down")
	}
	if _, taken := s.all[spec.Instance]; taken {
		return nil, fmt.Errorf("%s is running already", spec.Instance)
	}
	s.all[spec.Instance] = c
	s.keepers.Go(func() { s.keep(s.keepCtx, c) })
	return c, nil
}

func (s *Supervisor) forget(c *compartment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, c.spec.Instance)
	close(c.ended)
}

// Attached tells that an instance has been welcomed by the broker, and reports
// whether it is one of the supervisor's.
func (s *Supervisor) Attached(instance string) bool {
	s.mu.Lock()
	c := s.all[instance]
	s.mu.Unlock()
	if c != nil {
		c.arrived()
	}
	return c != nil
}

// End makes whatever ends from now on stay so: nothing is started any more.
func (s *Supervisor) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending = true
}

func (s *Supervisor) isEnding() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ending
}

// Count is the number of compartments of a role that are kept running.
func (s *Supervisor) Count(role rights.Role) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.all {
		if c.spec.Role == role {
			n++
		}
	}
	return n
}

// Retire lets compartments go on until they end by themselves, and not start again then.
func (s *Supervisor) Retire(instances []string) {
	for _, c := range s.matching(func(st Status) bool { return slices.Contains(instances, st.Instance) }) {
		c.retire()
	}
}

// Retired lists those that have not ended yet.
func (s *Supervisor) Retired() (instances []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, c := range s.all {
		if c.isRetired() {
			instances = append(instances, name)
		}
	}
	slices.Sort(instances)
	return instances
}

// Terminate tells compartments to end and does not wait for that.
func (s *Supervisor) Terminate(match func(Status) bool) {
	for _, c := range s.matching(match) {
		c.stop(syscall.SIGTERM)
	}
}

// Resume lets processes go on that somebody has sent SIGSTOP.
func (s *Supervisor) Resume(match func(Status) bool) {
	for _, c := range s.matching(match) {
		c.resume()
	}
}

// Kill ends a process at once, as a crash would: what its policy says comes next.
// It reports false if the compartment has another process by now, or is told to
// end already, or shares the process of all.
func (s *Supervisor) Kill(instance string, pid int) bool {
	s.mu.Lock()
	c := s.all[instance]
	s.mu.Unlock()
	return c != nil && !s.cfg.InProcess && c.kill(pid)
}

// ReopenLog makes all processes open debug.log anew.
func (s *Supervisor) ReopenLog() {
	for _, c := range s.matching(func(Status) bool { return true }) {
		c.reopenLog()
	}
}

// Stop ends the compartments for which match is true, all at a time, and
// returns when they have ended. One that is out of patience is killed.
func (s *Supervisor) Stop(match func(Status) bool) { s.StopWithin(0, match) }

// StopWithin is Stop with no more patience than limit, unless that is 0.
func (s *Supervisor) StopWithin(limit time.Duration, match func(Status) bool) {
	var stopping sync.WaitGroup
	for _, c := range s.matching(match) {
		stopping.Go(func() {
			patience := c.spec.Patience
			if limit > 0 {
				patience = min(patience, limit)
			}
			c.stop(syscall.SIGTERM)
			if !endedWithin(c, patience) {
				s.cfg.Logger.Warn(fmt.Sprintf("%s did not stop within %s: killing it", c.spec.Instance, patience))
				c.stop(syscall.SIGKILL)
				<-c.ended
			}
		})
	}
	stopping.Wait()
}

func endedWithin(c *compartment, patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.ended:
		return true
	case <-timer.C:
		return false
	}
}

func (s *Supervisor) matching(match func(Status) bool) []*compartment {
	s.mu.Lock()
	defer s.mu.Unlock()
	var some []*compartment
	for _, c := range s.all {
		if match(c.status()) {
			some = append(some, c)
		}
	}
	return some
}

// finish tells the ship to end, and why.
func (s *Supervisor) finish(why error) {
	s.finished.Do(func() {
		s.why = why
		close(s.done)
	})
}

// Done is closed when a vital compartment has ended or cannot be kept
// running; Why then tells the reason, nil if it ended in order.
func (s *Supervisor) Done() <-chan struct{} { return s.done }

// Why is to be read after Done is closed.
func (s *Supervisor) Why() error { return s.why }

// Status describes all compartments, sorted by instance.
func (s *Supervisor) Status() []Status {
	s.mu.Lock()
	list := make([]Status, 0, len(s.all))
	for _, c := range s.all {
		list = append(list, c.status())
	}
	s.mu.Unlock()
	for i := range list {
		list[i].RSS, list[i].Shared = ResidentBytes(list[i].PID)
		list[i].CPU = CPUTime(list[i].PID)
		list[i].Open, list[i].Limit = Descriptors(list[i].PID)
		list[i].Filters = filters(list[i].PID)
	}
	slices.SortFunc(list, func(a, b Status) int { return strings.Compare(a.Instance, b.Instance) })
	return list
}

func (c *compartment) status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Status{
		Role: c.spec.Role, Instance: c.spec.Instance,
		PID: c.pid, Started: c.started, Restarts: c.restarts, OnBus: c.upNow, Kills: c.kills, Sandbox: c.sandbox,
	}
}
