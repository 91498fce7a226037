package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/bench/internal/child"
)

const (
	// maxSessions bounds the connections at once: one node syncs at a time,
	// and may open more than one.
	maxSessions = 16
	// sessionPatience is how long a peer may say nothing or take nothing. A
	// node that verifies scripts may leave the socket unread for long.
	sessionPatience = 5 * time.Minute
)

// serveUntilEnd is the whole life of the serving process: it says its address
// and serves the chain until its input ends.
func serveUntilEnd(args []string, in io.Reader, out, complaints io.Writer) error {
	var s serverSpec
	if err := child.Spec(args, &s); err != nil {
		return err
	}
	chain, err := indexChain(s.Path)
	if err != nil {
		return err
	}
	if s.Blocks > 0 {
		chain.cut(s.Blocks)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return (&server{chain, s.Path, complaints}).serve(ctx, l) })
	err = child.Obey(ctx, in, out, l.Addr().String(), refuse)
	cancel()
	return errors.Join(err, group.Wait())
}

// refuse answers a command: the serving process takes none.
func refuse(context.Context, struct{}) (any, error) {
	return nil, errors.New("the serving process takes no commands")
}

// server serves a chain over the P2P protocol.
type server struct {
	chain      *chainIndex
	path       string
	complaints io.Writer
}

// serve returns when ctx ends and all its sessions have.
func (s *server) serve(ctx context.Context, l net.Listener) error {
	defer context.AfterFunc(ctx, func() { l.Close() })()
	var sessions errgroup.Group
	sessions.SetLimit(maxSessions)
	for {
		conn, err := l.Accept()
		if err != nil {
			waited := sessions.Wait()
			if ctx.Err() != nil {
				return waited
			}
			return errors.Join(err, waited)
		}
		sessions.Go(func() error {
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			if err := s.session(conn); ctx.Err() == nil && !hungUp(err) {
				fmt.Fprintf(s.complaints, "serving %s: %v\n", conn.RemoteAddr(), err)
			}
			return nil
		})
	}
}

// hungUp reports whether a session ended as sessions do.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func (s *server) session(conn net.Conn) error {
	f, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer f.Close()
	return newSession(s.chain, f, conn).run()
}
