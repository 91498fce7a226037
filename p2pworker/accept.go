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
)

// acceptPoll is how often a waiting Accept looks whether it should still wait.
const acceptPoll = 200 * time.Millisecond

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
	w.addListener(l)
	for ctx.Err() == nil {
		room, err := w.armAccept(l)
		if err != nil {
			return err
		}
		if !room {
			clock.Sleep(ctx, acceptPoll)
			continue
		}
		nc, err := l.Accept()
		switch {
		case err == nil:
			w.accepted(ctx, nc)
		case errors.Is(err, os.ErrDeadlineExceeded):
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

// armAccept lets the next Accept wait for a while if there is room.
func (w *worker) armAccept(l deadliner) (room bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.full() {
		return false, nil
	}
	return true, l.SetDeadline(time.Now().Add(acceptPoll))
}

// disarmAccept ends waiting Accepts when there is no room left. The mutex is
// held.
func (w *worker) disarmAccept() {
	if !w.full() {
		return
	}
	for _, l := range w.listeners {
		// Should it fail, Accept ends a little later by itself.
		_ = l.SetDeadline(time.Unix(1, 0))
	}
}

func (w *worker) accepted(ctx context.Context, nc net.Conn) {
	// A dial may have taken the room since Accept began. The connection is
	// ours now, and no other worker can take it: it lives here all the same.
	w.takeAnyway()
	w.group.Go(func() error {
		w.release(w.serve(ctx, nc, 0))
		return nil
	})
}
