package zmqpub

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

const (
	maxSubscriptions = 1024
	bufferSize       = 64 << 10
)

// subscriber is one connection.
type subscriber struct {
	nc  net.Conn
	cfg Config

	mu      sync.Mutex
	prefix  map[string]int // subscriptions, with how often each was made
	queue   [][][]byte
	bytes   int
	pong    []byte // the PONG that waits, nil if none does
	dropped uint64
	wake    chan struct{} // capacity 1
}

func newSubscriber(nc net.Conn, cfg Config) *subscriber {
	return &subscriber{nc: nc, cfg: cfg, prefix: map[string]int{}, wake: make(chan struct{}, 1)}
}

// run serves the connection until it ends.
func (s *subscriber) run(ctx context.Context, r *bufio.Reader) error {
	group, ctx := errgroup.WithContext(ctx)
	stop := context.AfterFunc(ctx, func() { s.nc.Close() })
	defer stop()
	group.Go(func() error { return s.read(r) })
	group.Go(func() error { return s.write(ctx) })
	return group.Wait()
}

// read follows the subscriptions.
func (s *subscriber) read(r *bufio.Reader) error {
	partOfMessage := false
	for {
		f, err := readFrame(r)
		if err != nil {
			return err
		}
		switch {
		case f.command:
			err = s.obey(f.body)
		case !partOfMessage && !f.more && len(f.body) > 0:
			err = s.subscription(f.body[0], string(f.body[1:]))
		}
		if err != nil {
			return err
		}
		partOfMessage = f.more
	}
}

// obey handles a command.
func (s *subscriber) obey(body []byte) error {
	name, data, ok := zmtp.SplitCommand(body)
	if !ok {
		return fmt.Errorf("malformed command of %d bytes", len(body))
	}
	switch string(name) {
	case "SUBSCRIBE":
		return s.subscription(1, string(data))
	case "CANCEL":
		return s.subscription(0, string(data))
	case zmtp.NamePing:
		return s.answer(data)
	case "ERROR":
		return fmt.Errorf("the subscriber reports an error")
	}
	return nil
}

// answer queues the PONG to a PING. It takes the place of one that still waits.
func (s *subscriber) answer(ping []byte) error {
	pong, err := zmtp.Pong(ping)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.pong = pong
	s.mu.Unlock()
	s.signal()
	return nil
}

// subscription adds (1) or cancels (0) one; other values are no subscription.
func (s *subscriber) subscription(kind byte, prefix string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch kind {
	case 1:
		if _, known := s.prefix[prefix]; !known && len(s.prefix) >= maxSubscriptions {
			return fmt.Errorf("more than %d subscriptions", maxSubscriptions)
		}
		s.prefix[prefix]++
	case 0:
		if s.prefix[prefix]--; s.prefix[prefix] <= 0 {
			delete(s.prefix, prefix)
		}
	}
	return nil
}

func (s *subscriber) wants(topic string) bool {
	for prefix := range s.prefix {
		if strings.HasPrefix(topic, prefix) {
			return true
		}
	}
	return false
}

// offer queues a message if it is wanted and there is room.
func (s *subscriber) offer(topic string, frames [][]byte, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.wants(topic) {
		return
	}
	if s.cfg.HighWaterMark > 0 && len(s.queue) >= s.cfg.HighWaterMark ||
		len(s.queue) > 0 && s.bytes+size > s.cfg.QueueBytes {
		s.dropped++
		return
	}
	s.queue = append(s.queue, frames)
	s.bytes += size
	s.signal()
}

func (s *subscriber) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// write sends what is queued; it is the only writer after the handshake.
func (s *subscriber) write(ctx context.Context) error {
	w := bufio.NewWriterSize(s.nc, bufferSize)
	for {
		frames, pong := s.next()
		var err error
		switch {
		case pong != nil:
			err = writeFrame(w, pong, zmtp.Command)
		case frames != nil:
			err = writeMessage(w, frames)
		default:
			if err = w.Flush(); err == nil {
				err = s.await(ctx)
			}
		}
		if err != nil {
			return err
		}
	}
}

func (s *subscriber) await(ctx context.Context) error {
	select {
	case <-s.wake:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *subscriber) next() (frames [][]byte, pong []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if pong, s.pong = s.pong, nil; pong != nil || len(s.queue) == 0 {
		return nil, pong
	}
	frames = s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	for _, f := range frames {
		s.bytes -= len(f)
	}
	return frames, nil
}
