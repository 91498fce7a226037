package zmqpub

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulkheadnode/bulkhead/internal/zmtp/null"
)

// Defaults of a Config.
const (
	DefaultQueueBytes = 128 << 20
	DefaultHandshake  = 10 * time.Second
	// maxConnections bounds the subscribers of one address, those that have
	// not finished their handshake included.
	maxConnections = 1024
	acceptPause    = 100 * time.Millisecond
)

// Config bounds what subscribers may cost.
type Config struct {
	// HighWaterMark is how many messages may wait for one subscriber, 0 for
	// any number (QueueBytes still holds).
	HighWaterMark int
	// QueueBytes is how many bytes may wait for one subscriber, unless it is
	// a single message.
	QueueBytes int
	Handshake  time.Duration
	Logger     *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.QueueBytes == 0 {
		c.QueueBytes = DefaultQueueBytes
	}
	if c.Handshake == 0 {
		c.Handshake = DefaultHandshake
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Publisher is a PUB socket. See the package comment.
type Publisher struct {
	cfg      Config
	listener net.Listener
	wg       sync.WaitGroup

	mu          sync.RWMutex
	subscribers map[*subscriber]struct{}
	connections int
	lost        atomic.Uint64 // messages dropped for subscribers that are gone
}

// New returns a Publisher that will serve listener, which it owns.
func New(listener net.Listener, cfg Config) *Publisher {
	return &Publisher{cfg: cfg.withDefaults(), listener: listener, subscribers: map[*subscriber]struct{}{}}
}

// Run accepts and serves subscribers until ctx ends.
func (p *Publisher) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { p.listener.Close() })
	defer stop()
	defer p.wg.Wait()
	for {
		nc, err := p.listener.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				nc.Close()
			}
			return context.Cause(ctx)
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			p.cfg.Logger.Warn(fmt.Sprintf("zmq: accept on %s: %v", p.listener.Addr(), err))
			pause(ctx)
			continue
		}
		if !p.admit() {
			nc.Close()
			continue
		}
		p.wg.Go(func() { p.serve(ctx, nc) })
	}
}

func pause(ctx context.Context) {
	timer := time.NewTimer(acceptPause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (p *Publisher) admit() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.connections >= maxConnections {
		return false
	}
	p.connections++
	return true
}

func (p *Publisher) serve(ctx context.Context, nc net.Conn) {
	defer nc.Close()
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	defer stop()
	s := newSubscriber(nc, p.cfg)
	defer p.leave(s)
	r := bufio.NewReader(nc)
	if _, err := null.Handshake(nc, r, "PUB", p.cfg.Handshake); err != nil {
		p.cfg.Logger.Debug(fmt.Sprintf("zmq: %s: %v", nc.RemoteAddr(), err))
		return
	}
	p.mu.Lock()
	p.subscribers[s] = struct{}{}
	p.mu.Unlock()
	if err := s.run(ctx, r); err != nil && ctx.Err() == nil {
		p.cfg.Logger.Debug(fmt.Sprintf("zmq: subscriber %s ended: %v", nc.RemoteAddr(), err))
	}
}

func (p *Publisher) leave(s *subscriber) {
	p.mu.Lock()
	delete(p.subscribers, s)
	p.connections--
	p.mu.Unlock()
	s.mu.Lock()
	p.lost.Add(s.dropped)
	s.mu.Unlock()
}

// Close closes the listener of a Publisher that was not run.
func (p *Publisher) Close() error { return p.listener.Close() }

// Publish offers a message to all subscribers. The first frame is the topic.
// The frames must not be changed afterwards.
func (p *Publisher) Publish(frames [][]byte) {
	topic, size := string(frames[0]), 0
	for _, f := range frames {
		size += len(f)
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	for s := range p.subscribers {
		s.offer(topic, frames, size)
	}
}

// Stats returns the number of subscribers and of messages dropped so far.
func (p *Publisher) Stats() (subscribers int, dropped uint64) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	dropped = p.lost.Load()
	for s := range p.subscribers {
		s.mu.Lock()
		dropped += s.dropped
		s.mu.Unlock()
	}
	return len(p.subscribers), dropped
}
