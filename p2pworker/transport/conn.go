package transport

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
)

// Message is one P2P message. Payload must not be changed after it is sent.
type Message struct {
	Type    string
	Payload []byte
	// Size is the number of bytes on the wire; set on received messages.
	Size int
}

// Limits of the send queue, in bytes.
const (
	SendSoftLimit = 1_000_000
	SendHardLimit = 32 << 20
)

// bufferSize is the size of the read and of the write buffer of a Conn.
const bufferSize = 64 << 10

var (
	// ErrQueueFull is returned by Send when SendHardLimit is reached.
	ErrQueueFull = errors.New("send queue full")
	// ErrTooLarge is returned by Send for a payload over MaxPayload.
	ErrTooLarge = errors.New("message too large")
	// ErrClosed is returned by Send and Run after Close.
	ErrClosed = errors.New("connection closed")
)

// framing is how messages become bytes. Only one goroutine reads and only one
// writes, so an implementation needs no lock between calls of the same kind.
type framing interface {
	read(r io.Reader) (Message, error)
	appendHeader(dst []byte, m Message) []byte
	overhead() int
}

// Config is what a Conn needs besides its connection.
type Config struct {
	// Net is the magic of the network.
	Net wire.BitcoinNet
	// Now stamps the last send and receive times.
	Now func() time.Time
}

// Conn is one framed P2P connection. See the package comment.
type Conn struct {
	nc    net.Conn
	frame framing
	now   func() time.Time
	in    countingReader

	mu      sync.Mutex
	queue   []Message
	queued  int
	closed  bool
	wake    chan struct{}
	drained chan struct{}

	sent, received     counters
	lastSend, lastRecv atomic.Int64
	writing            *bufio.Writer
	headerScratch      []byte
}

// New wraps nc. It starts nothing; the caller closes the Conn.
func New(nc net.Conn, cfg Config) *Conn {
	c := &Conn{
		nc:      nc,
		frame:   newV1(cfg.Net),
		now:     cfg.Now,
		wake:    make(chan struct{}, 1),
		drained: make(chan struct{}, 1),
		writing: bufio.NewWriterSize(nc, bufferSize),
	}
	c.in.r = bufio.NewReaderSize(stampingReader{c}, bufferSize)
	return c
}

// Receive returns the next message. A *HeaderError with Fatal false means that
// one message was dropped and Receive may be called again; after any other
// error the connection is of no use.
func (c *Conn) Receive() (Message, error) {
	m, err := c.frame.read(&c.in)
	var bad *HeaderError
	switch {
	case err == nil:
		c.received.add(m.Type, m.Size)
	case errors.As(err, &bad):
		c.received.add(Other, c.in.take())
	}
	c.in.take()
	return m, err
}

// Send queues a message and returns at once.
func (c *Conn) Send(messageType string, payload []byte) error {
	if len(payload) > MaxPayload || len(messageType) > MaxTypeLength {
		return ErrTooLarge
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	cost := len(payload) + c.frame.overhead()
	if c.queued+cost > SendHardLimit {
		return ErrQueueFull
	}
	c.queue = append(c.queue, Message{Type: messageType, Payload: payload})
	c.queued += cost
	signal(c.wake)
	return nil
}

// Congested reports whether more than SendSoftLimit bytes wait to be written.
func (c *Conn) Congested() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queued > SendSoftLimit
}

// Drained fires some time after the queue has fallen to SendSoftLimit or below.
func (c *Conn) Drained() <-chan struct{} { return c.drained }

// Run writes queued messages until ctx ends, a write fails or Close is called.
// When it returns, the network connection is closed.
func (c *Conn) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	defer c.Close()
	for {
		batch, err := c.next(ctx)
		if err != nil {
			return err
		}
		if err := c.write(batch); err != nil {
			return err
		}
	}
}

// next waits for messages and takes all that are queued.
func (c *Conn) next(ctx context.Context) ([]Message, error) {
	for {
		c.mu.Lock()
		batch, closed := c.queue, c.closed
		c.queue = nil
		c.mu.Unlock()
		if len(batch) > 0 {
			return batch, nil
		}
		if closed {
			return nil, ErrClosed
		}
		select {
		case <-c.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// write sends a batch and flushes once at its end.
func (c *Conn) write(batch []Message) error {
	for i, m := range batch {
		c.headerScratch = c.frame.appendHeader(c.headerScratch[:0], m)
		if _, err := c.writing.Write(c.headerScratch); err != nil {
			return err
		}
		if _, err := c.writing.Write(m.Payload); err != nil {
			return err
		}
		if i == len(batch)-1 {
			if err := c.writing.Flush(); err != nil {
				return err
			}
		}
		n := c.frame.overhead() + len(m.Payload)
		c.sent.add(m.Type, n)
		c.lastSend.Store(c.now().UnixNano())
		c.release(n)
	}
	return nil
}

func (c *Conn) release(n int) {
	c.mu.Lock()
	before := c.queued
	c.queued -= n
	if before > SendSoftLimit && c.queued <= SendSoftLimit {
		signal(c.drained)
	}
	c.mu.Unlock()
}

// Close closes the connection and ends Run and Receive. Queued messages that
// were not written are lost. It may be called more than once.
func (c *Conn) Close() error {
	c.mu.Lock()
	c.closed = true
	signal(c.wake)
	c.mu.Unlock()
	return c.nc.Close()
}

// Stats returns a snapshot of the traffic so far.
func (c *Conn) Stats() Stats {
	c.mu.Lock()
	queued := c.queued
	c.mu.Unlock()
	return Stats{
		BytesSent: c.sent.total.Load(), BytesReceived: c.received.total.Load(),
		SentPerType: c.sent.snapshot(), ReceivedPerType: c.received.snapshot(),
		LastSend: c.lastSend.Load(), LastReceive: c.lastRecv.Load(),
		Queued: queued,
	}
}

// LastTraffic returns when bytes were last written and read, in unix
// nanoseconds by the Conn's clock; 0 means never.
func (c *Conn) LastTraffic() (sent, received int64) {
	return c.lastSend.Load(), c.lastRecv.Load()
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// countingReader remembers how many bytes were taken for the current message.
type countingReader struct {
	r io.Reader
	n int
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.n += n
	return n, err
}

func (r *countingReader) take() int {
	n := r.n
	r.n = 0
	return n
}

// stampingReader notes the time of every read from the network.
type stampingReader struct{ c *Conn }

func (r stampingReader) Read(p []byte) (int, error) {
	n, err := r.c.nc.Read(p)
	if n > 0 {
		r.c.lastRecv.Store(r.c.now().UnixNano())
	}
	return n, err
}
