package supervise

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/link"
	"github.com/bulkheadnode/bulkhead/bus/part"
)

// runInProcess runs a compartment in goroutines of this process.
func (s *Supervisor) runInProcess(ctx context.Context, c *compartment) error {
	run, known := s.cfg.Parts[c.spec.Role]
	if !known {
		return fmt.Errorf("no part for role %s", c.spec.Role)
	}
	settings, err := json.Marshal(c.settings())
	if err != nil {
		return fmt.Errorf("settings of %s: %w", c.spec.Instance, err)
	}
	listeners, err := Duplicate(c.spec.Listeners)
	if err != nil {
		return err
	}
	partCtx, stop := context.WithCancel(ctx)
	defer stop()
	c.began(os.Getpid(), func(sig os.Signal) {
		if sig == syscall.SIGTERM || sig == syscall.SIGKILL {
			stop()
		}
	})
	theirs, ours := link.Pipe()
	var router sync.WaitGroup
	linkCtx, closeLink := context.WithCancel(ctx)
	router.Go(func() { s.serve(linkCtx, ours, c) })
	categories := logCategories(s.cfg.Log.Config(), c.spec.Instance)
	err = run(partCtx, part.Env{
		Name: c.spec.Instance, Link: theirs, Listeners: listeners,
		Logger: newLogger(s.cfg.LogFile, categories), Categories: categories,
		Clock: clock.New(s.cfg.Clock.Mock()), Mockable: s.cfg.Mockable,
	}, settings)
	theirs.Close()
	closeLink()
	router.Wait()
	return err
}

// Duplicate gives a part listeners of its own, as a process would have, so that
// closing one does not close that of the supervisor.
func Duplicate(listeners []Socket) ([]net.Listener, error) {
	fds, err := descriptors(listeners)
	defer closeDescriptors(fds)
	if err != nil {
		return nil, err
	}
	var own []net.Listener
	for _, fd := range fds {
		copied, err := unix.Dup(int(fd)) // the file below closes its own
		if err != nil {
			return nil, err
		}
		f := os.NewFile(uintptr(copied), "listener")
		l, err := net.FileListener(f)
		f.Close()
		if err != nil {
			return nil, err
		}
		own = append(own, l)
	}
	return own, nil
}
