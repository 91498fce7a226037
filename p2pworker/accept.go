package p2pworker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// acceptPause follows a failed Accept, such as one for lack of descriptors.
const acceptPause = 100 * time.Millisecond

// deadliner is a listener whose Accept can be interrupted.
type deadliner interface {
	net.Listener
	SetDeadline(time.Time) error
}

// ownCopy duplicates the descriptor of a listener that other workers of this
// process may share: deadlines and Close then concern nobody else.
//
// TCPListener.File would not do: it leads to a descriptor that is set to
// blocking for a moment, and with it those of all workers that share the
// socket, whose Accepts could then neither be interrupted nor time out.
func ownCopy(l net.Listener) (deadliner, error) {
	shared, ok := l.(syscall.Conn)
	if !ok {
		if only, ok := l.(deadliner); ok {
			return only, nil // it has no descriptor, so no other process has it
		}
		return nil, fmt.Errorf("cannot share a listener of type %T", l)
	}
	raw, err := shared.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var failed error
	if err := raw.Control(func(original uintptr) {
		fd, failed = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0)
	}); err != nil || failed != nil {
		return nil, errors.Join(err, failed)
	}
	f := os.NewFile(uintptr(fd), "listener")
	defer f.Close()
	own, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	return own.(deadliner), nil
}

// accept takes connections from an inherited listener while there is room.
func (w *worker) accept(ctx context.Context, shared net.Listener) error {
	l, err := ownCopy(shared)
	if err != nil {
		return err
	}
	defer l.Close()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	w.addListener(l)
	for ctx.Err() == nil {
		released, err := w.armAccept(l)
		if err != nil {
			return err
		}
		if released != nil {
			select {
			case <-released:
			case <-ctx.Done():
			}
			continue
		}
		nc, err := l.Accept()
		switch {
		case err == nil:
			w.accepted(ctx, nc)
		case errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil:
		default:
			w.log("", fmt.Sprintf("socket error accept failed: %v", err))
			clock.Sleep(ctx, acceptPause)
		}
	}
	return nil
}

func (w *worker) addListener(l deadliner) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listeners = append(w.listeners, l)
}

// armAccept lets the next Accept wait if there is room. If there is none,
// released is closed when some was given back.
func (w *worker) armAccept(l deadliner) (released <-chan struct{}, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.full() {
		return w.released, nil
	}
	err = l.SetDeadline(time.Time{})
	if errors.Is(err, net.ErrClosed) {
		err = nil // the worker ends, as Accept will find
	}
	return nil, err
}

// disarmAccept ends waiting Accepts when there is no room left. The mutex is
// held.
func (w *worker) disarmAccept() {
	if !w.full() {
		return
	}
	for _, l := range w.listeners {
		// It fails on one that is closed, as all are when the worker ends.
		_ = l.SetDeadline(time.Unix(1, 0))
	}
}

func (w *worker) accepted(ctx context.Context, nc net.Conn) {
	// A dial may have taken the room since Accept began. The connection is
	// ours now, and no other worker can take it: it lives here all the same.
	w.takeAnyway()
	w.group.Go(func() error {
		if w.cfg.I2PBind != "" && nc.LocalAddr().String() == w.cfg.I2PBind {
			var err error
			if nc, err = callerOfI2P(ctx, nc); err != nil {
				w.log("i2p", fmt.Sprintf("a connection from the I2P router is of no use: %v", err))
				w.release(false)
				return nil
			}
		}
		w.release(w.serve(ctx, nc, p2p.DialOrder{V2: true}))
		return nil
	})
}
