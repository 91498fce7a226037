package supervise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/link"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/cmd/internal/logging"
)

// RunChild is main for a process that a supervisor started: it runs the part
// until it ends or SIGTERM comes.
func RunChild(run Part) error {
	line, err := inherited()
	if err != nil {
		return err
	}
	defer line.Close()
	var b boot
	if err := line.readBoot(&b); err != nil {
		return err
	}
	env, err := b.env()
	if err != nil {
		return err
	}
	// A terminal sends SIGINT to every process of the node; the supervisor
	// decides who stops when. It also hands over debug.log after a SIGHUP.
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP)
	SurviveBrokenPipes()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	docks := make(chan part.Dock)
	env.Docks = docks
	box, err := b.confine(&env)
	if err != nil {
		return err
	}
	line.tell(box)
	files := newGiven()
	env.Given = files.take
	var following sync.WaitGroup
	ended := make(chan struct{})
	following.Go(func() { line.follow(b.logFile, files, docks, ended) })
	err = run(ctx, env, b.Settings)
	close(ended)
	line.Close()
	following.Wait()
	if err == nil && ctx.Err() != nil {
		return ErrTerminated
	}
	return err
}

// ErrTerminated is the end in order of a child that was sent SIGTERM. Its exit
// status is TerminatedStatus: only the supervisor knows whether it sent it.
var ErrTerminated = errors.New("terminated")

// SurviveBrokenPipes makes a write to standard output or standard error whose
// reader has gone fail instead of ending the process. Programs that are started
// from here die of SIGPIPE as ever: a signal that is caught, unlike one that is
// ignored, is back to its default there.
func SurviveBrokenPipes() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

func (b *boot) env() (part.Env, error) {
	conn, err := fileConn(linkFD)
	if err != nil {
		return part.Env{}, err
	}
	var listeners []net.Listener
	for i := range b.Listeners {
		f := os.NewFile(uintptr(listenerFD+i), "listener")
		l, err := net.FileListener(f)
		f.Close()
		if err != nil {
			return part.Env{}, fmt.Errorf("inherited listener %d: %w", i, err)
		}
		listeners = append(listeners, l)
	}
	syscall.CloseOnExec(logFD)
	b.logFile = os.NewFile(logFD, "debug.log")
	setTitle(b.Instance)
	categories := logCategories(b.Log, b.Instance)
	return part.Env{
		Name: b.Instance, Link: conn, Listeners: listeners,
		Logger: newLogger(b.logFile, categories), Categories: categories,
		Clock: clock.New(b.Mock), Title: setTitle, Mockable: b.Mockable,
		// The broker pings; that it is there, the kernel knows.
		Limits: link.Limits{Heartbeat: -1},
	}, nil
}

// logCategories returns what a part logs, which is its own to change.
func logCategories(cfg logging.Config, instance string) *logging.Live {
	if cfg.Thread != "" {
		cfg.Thread = instance
	}
	return logging.NewLive(cfg)
}

func newLogger(w io.Writer, cfg *logging.Live) *slog.Logger {
	return logging.New(cfg.Config().Tee(w, os.Stdout), cfg, time.Now)
}

func fileConn(fd uintptr) (net.Conn, error) {
	f := os.NewFile(fd, "link")
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("inherited link: %w", err)
	}
	return conn, nil
}
