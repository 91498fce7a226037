package supervise

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/cmd/internal/logging"
)

// maxBoot bounds what a child reads from its settings pipe.
const maxBoot = 16 << 20

// RunChild is main for a process that a supervisor started: it runs the part
// until it ends or SIGTERM comes.
func RunChild(run Part) error {
	var b boot
	if err := readBoot(&b); err != nil {
		return err
	}
	env, err := b.env()
	if err != nil {
		return err
	}
	// A terminal sends SIGINT to every process of the node; the supervisor
	// decides who stops when.
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return run(ctx, env, b.Settings)
}

func readBoot(b *boot) error {
	f := os.NewFile(bootFD, "settings")
	if f == nil {
		return fmt.Errorf("a part is started by bulkhead, not by hand")
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxBoot))
	if err != nil {
		return fmt.Errorf("a part is started by bulkhead, not by hand: %w", err)
	}
	if err := json.Unmarshal(raw, b); err != nil {
		return fmt.Errorf("settings of the part: %w", err)
	}
	return nil
}

func (b *boot) env() (part.Env, error) {
	link, err := fileConn(linkFD)
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
	setTitle(b.Instance)
	return part.Env{
		Name: b.Instance, Link: link, Listeners: listeners,
		Logger: newLogger(os.NewFile(logFD, "debug.log"), b.Log, b.Instance),
		Clock:  clock.New(b.Mock), Title: setTitle, Mockable: b.Mockable,
	}, nil
}

func newLogger(w io.Writer, cfg logging.Config, instance string) *slog.Logger {
	if cfg.Thread != "" {
		cfg.Thread = instance
	}
	return logging.New(cfg.Tee(w, os.Stdout), cfg, time.Now)
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
