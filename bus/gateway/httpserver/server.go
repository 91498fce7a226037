package httpserver

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/clock"
)

// MaxConns is how many connections a server has at most; others wait in the queue of the
// system.
const MaxConns = 1000

// Config is what a Server needs.
type Config struct {
	Handler http.Handler
	// Allow says who may connect, by the addresses of both ends. Others are hung up on.
	Allow func(local, remote net.Addr) bool
	// Timeout is for a head to arrive, for a body after it, for a client to send another
	// request, and to take the end of an answer.
	Timeout time.Duration
	Base    context.Context // of all requests
	Log     *slog.Logger
}

// Server serves one listener.
type Server struct {
	cfg    Config
	places chan struct{} // one element a connection

	mu       sync.Mutex
	listener net.Listener   // nil before Serve
	idle     map[*conn]bool // all connections, and whether they have a request in progress
	closing  bool
	empty    chan struct{} // closed when there is no connection and will be none
}

// New makes a Server.
func New(cfg Config) *Server {
	return &Server{cfg: cfg, places: make(chan struct{}, MaxConns), idle: map[*conn]bool{}, empty: make(chan struct{})}
}

// Serve accepts connections until Shutdown or Close. It returns http.ErrServerClosed when
// the last connection is closed, or the listener's error.
func (s *Server) Serve(l net.Listener) error {
	defer close(s.empty)
	s.mu.Lock()
	s.listener = l
	closing := s.closing
	s.mu.Unlock()
	if closing {
		return http.ErrServerClosed
	}
	var conns sync.WaitGroup
	defer conns.Wait()
	for {
		s.places <- struct{}{}
		raw, err := s.accept(l)
		if err != nil {
			<-s.places
			if s.isClosing() {
				return http.ErrServerClosed
			}
			return err
		}
		conns.Go(func() {
			defer func() { <-s.places }()
			s.serve(raw)
		})
	}
}

// accept waits for a connection. Without a file number for it, it tries again: there will
// be one when a connection is closed.
func (s *Server) accept(l net.Listener) (net.Conn, error) {
	for {
		raw, err := l.Accept()
		if temporary, ok := err.(interface{ Temporary() bool }); !ok || !temporary.Temporary() || s.isClosing() {
			return raw, err
		}
		s.cfg.Log.Debug("HTTP: " + err.Error())
		clock.Sleep(s.cfg.Base, 50*time.Millisecond)
	}
}

func (s *Server) serve(raw net.Conn) {
	if !s.cfg.Allow(raw.LocalAddr(), raw.RemoteAddr()) {
		s.cfg.Log.Debug("Connection from " + raw.RemoteAddr().String() + " rejected: Client network is not allowed HTTP access")
		_ = raw.Close() // there is nothing to lose
		return
	}
	c := newConn(s, raw)
	defer s.remove(c)
	c.serve()
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.idle, c)
}

// setIdle says whether a connection waits for a request. It reports whether that may go
// on.
func (s *Server) setIdle(c *conn, idle bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.idle[c] = idle
	return true
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// Shutdown ends Serve when the requests in progress are answered. It fails if ctx ends
// before that: then Close is to be called.
func (s *Server) Shutdown(ctx context.Context) error {
	if !s.stop(func(idle bool) bool { return idle }) {
		return nil
	}
	select {
	case <-s.empty:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close ends Serve with all connections.
func (s *Server) Close() error {
	s.stop(func(bool) bool { return true })
	return nil
}

// stop accepts no more connections and closes those that are to be closed. It reports
// whether Serve has begun.
func (s *Server) stop(which func(idle bool) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for c, idle := range s.idle {
		if which(idle) {
			_ = c.raw.Close() // what was not answered is lost
		}
	}
	if s.listener == nil {
		return false
	}
	_ = s.listener.Close() // it may be closed already
	return true
}
