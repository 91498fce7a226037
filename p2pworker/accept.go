package p2pworker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// deadliner is a listener whose Accept can be interrupted.
type deadliner interface {
	net.Listener
	SetDeadline(time.Time) error
}

// acceptPoll is how often a waiting Accept looks whether it should still wait.
// The listener is shared with other workers, so it cannot be closed for that.
const acceptPoll = 200 * time.Millisecond

// acceptPause follows a failed Accept, such as one for lack of descriptors.
const acceptPause = 100 * time.Millisecond

// accept takes connections from an inherited listener while there is room.
func (w *worker) accept(ctx context.Context, l net.Listener) error {
	for ctx.Err() == nil {
		if w.full() {
			if !pause(ctx, acceptPoll) {
				break
			}
			continue
		}
		if d, ok := l.(deadliner); ok {
			if err := d.SetDeadline(time.Now().Add(acceptPoll)); err != nil {
				return err
			}
		}
		nc, err := l.Accept()
		switch {
		case err == nil:
			w.accepted(ctx, nc)
		case errors.Is(err, os.ErrDeadlineExceeded):
		case errors.Is(err, net.ErrClosed):
			return nil
		default:
			w.log("", fmt.Sprintf("socket error accept failed: %v", err))
			pause(ctx, acceptPause)
		}
	}
	return nil
}

func (w *worker) accepted(ctx context.Context, nc net.Conn) {
	if !w.take() {
		nc.Close()
		return
	}
	w.group.Go(func() error {
		w.release(w.serve(ctx, nc, 0))
		return nil
	})
}

// pause waits; it reports false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
