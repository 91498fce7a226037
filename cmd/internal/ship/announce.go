package ship

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/bulkheadnode/bulkhead/bus"
)

// announce says that the node is ready: in the log, to the user at the
// terminal, and to -startupnotify.
func (s *ship) announce(ctx context.Context) {
	s.logger.Info("init message: Done loading")
	s.logger.Info(fmt.Sprintf("All compartments are afloat after %d ms", time.Since(s.started).Milliseconds()))
	if s.cfg.Terminal && !s.logConfig.Config().Console {
		fmt.Fprint(s.cfg.Stdout, s.greeting())
	}
	tellManager(s.logger, daemon.SdNotifyReady)
	if s.cfg.Ready != nil {
		if err := s.cfg.Ready(); err != nil {
			s.logger.Warn("Telling that the node is ready: " + err.Error())
		}
	}
	if command := s.cfg.Settings.Text("startupnotify", ""); command != "" {
		s.notify(ctx, command, func() {})
	}
}

func (s *ship) greeting() string {
	var b strings.Builder
	layout := s.cfg.Layout
	fmt.Fprintf(&b, "%s %s on %s is ready (pid %d).\n", Name, s.cfg.Version, layout.Chain.Name, os.Getpid())
	line := func(what, where string) { fmt.Fprintf(&b, "  %-5s %s\n", what, where) }
	if addresses := s.parts.rpcAddresses(); len(addresses) > 0 {
		line("rpc", fmt.Sprintf("%s  (cookie: %s)", strings.Join(addresses, ", "), layout.Cookie))
	}
	if addresses := s.parts.p2pAddresses(); len(addresses) > 0 {
		line("p2p", strings.Join(addresses, ", "))
	}
	for _, p := range s.parts.publishers() {
		line("zmq", p)
	}
	line("data", layout.Net)
	if layout.LogFile != "" {
		line("log", layout.LogFile)
	}
	b.WriteString("Ctrl-C ends it in order.\n")
	return b.String()
}

// follow has a listener hear of its topics beside the node; an error is logged behind what.
func (s *ship) follow(ctx context.Context, conn *bus.Conn, l *bus.Listener, what string) error {
	events, err := l.Subscribe(ctx, conn)
	if err != nil {
		return err
	}
	s.notifying.Go(func() {
		defer events.Close()
		if err := l.Follow(ctx, events); err != nil && ctx.Err() == nil {
			s.logger.Error(what + err.Error())
		}
	})
	return nil
}

// notify runs a command of the user's beside the node; it is killed if it
// outlives it, with what it has started. over is called when it has ended.
func (s *ship) notify(ctx context.Context, command string, over func()) {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		s.noteCommand(command, err)
		over()
		return
	}
	s.notifying.Go(func() {
		defer over()
		if err := cmd.Wait(); err != nil && ctx.Err() == nil {
			s.noteCommand(command, err)
		}
	})
}

// lastCommand is how long -shutdownnotify may take.
const lastCommand = time.Minute

// notifyEnd runs -shutdownnotify and waits for it.
func (s *ship) notifyEnd(ctx context.Context) {
	command := s.cfg.Settings.Text("shutdownnotify", "")
	if command == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lastCommand)
	defer cancel()
	if err := exec.CommandContext(ctx, "/bin/sh", "-c", command).Run(); err != nil {
		s.noteCommand(command, err)
	}
}

func (s *ship) noteCommand(command string, err error) {
	s.logger.Warn(fmt.Sprintf("runCommand error: system(%s) returned %v", command, err))
}
