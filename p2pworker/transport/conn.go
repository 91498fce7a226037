package transport

import (
	"bufio"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
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

// costOf is what a message counts in the send queue, in bytes: what v1 takes for it.
func costOf(payload []byte) int { return len(payload) + headerSize }

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

// Config is what a Conn needs besides its connection.
type Config struct {
	// Net is the magic of the network.
	Net wire.BitcoinNet
	// Now stamps the last send and receive times.
	Now func() time.Time
	// Outbound: we made the connection.
	Outbound bool
	// V2 lets the connection be encrypted (BIP324): one that we made has to be then,
	// of others the first bytes say whether they are. Without it, v1 is spoken.
	V2 bool
	// HandshakeSent, if set, is called by Run when our key has been sent.
	HandshakeSent func()
	// Gate paces the traffic; nil for none that does.
	Gate Gate
}

// Conn is one framed P2P connection. See the package comment.
type Conn struct {
	nc      net.Conn
	cfg     Config
	in      *bufio.Reader
	decode  decoder // the reader's; nil before the handshake is over
	writing *bufio.Writer

	mu sync.Mutex
	// raw is of the handshake, and precedes all messages, which wait for encode.
	raw    []byte
	encode encoder
	queue  []Message
	// first overtakes queue while the traffic is paced.
	first   []Message
	queued  int
	closed  bool
	wake    chan struct{}
	drained chan struct{}

	// hurry wakes a writer that waits for the gate when there is something in first.
	hurry chan struct{}
	// passing is what the writer writes.
	passing passing
	// readsFirst: what comes in is not to wait at the gate; readHurry wakes a reader that
	// waits there already.
	readsFirst atomic.Bool
	readHurry  chan struct{}

	session        atomic.Pointer[Session]
	sent, received traffic
}

// New wraps nc. It starts nothing; the caller closes the Conn.
func New(nc net.Conn, cfg Config) *Conn {
	c := &Conn{
		nc:      nc,
		cfg:     cfg,
		wake:    make(chan struct{}, 1),
		drained: make(chan struct{}, 1),
		hurry:   make(chan struct{}, 1),

		readHurry: make(chan struct{}, 1),
	}
	c.in = bufio.NewReaderSize(stampingReader{c}, bufferSize)
	c.writing = bufio.NewWriterSize(stampingWriter{c}, bufferSize)
	c.session.Store(&Session{Protocol: Detecting})
	if !cfg.V2 {
		c.settleV1()
	}
	return c
}

func (c *Conn) settleV1() {
	framing := newV1(c.cfg.Net)
	c.decode = framing
	c.session.Store(&Session{Protocol: V1})
	c.hand(nil, framing)
}

// Receive returns the next message, the first time after the handshake, if there is
// one. A *FrameError with Fatal false means that one message was dropped and Receive
// may be called again; after any other error the connection is of no use.
func (c *Conn) Receive() (Message, error) {
	if c.decode == nil {
		if err := c.shakeHands(); err != nil {
			return Message{}, err
		}
	}
	m, err := c.decode.read(c.in)
	var bad *FrameError
	switch {
	case err == nil:
		c.received.count(m.Type, m.Size)
		c.settle(m)
	case errors.As(err, &bad) && !bad.Fatal:
		c.received.count(Other, bad.Size)
	}
	return m, err
}

// shakeHands finds out what the peer speaks, and agrees on keys.
func (c *Conn) shakeHands() error {
	h := handshake{magic: magicOf(c.cfg.Net), initiator: c.cfg.Outbound, r: c.in, write: c.hand}
	decode, id, err := h.run()
	switch {
	case err != nil:
		return err
	case decode == nil:
		c.settleV1()
	default:
		c.decode = decode
		c.session.Store(&Session{Protocol: V2, ID: id})
	}
	return nil
}

// hand gives Run what it has to write before all messages, and how to write those.
func (c *Conn) hand(raw []byte, e encoder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = append(c.raw, raw...)
	c.encode = e
	signal(c.wake)
}

// Send queues a message and returns at once.
func (c *Conn) Send(messageType string, payload []byte) error {
	return c.enqueue(Message{Type: messageType, Payload: payload}, &c.queue)
}

// SendFirst is Send for what may overtake the messages that wait at the gate.
func (c *Conn) SendFirst(messageType string, payload []byte) error {
	if !c.paced(p2p.Up) {
		return c.Send(messageType, payload)
	}
	if c.shakingHands() {
		return c.Send(messageType, payload)
	}
	if err := c.enqueue(Message{Type: messageType, Payload: payload}, &c.first); err != nil {
		return err
	}
	signal(c.hurry)
	return nil
}

func (c *Conn) enqueue(m Message, queue *[]Message) error {
	if len(m.Payload) > MaxPayload || len(m.Type) > MaxTypeLength {
		return ErrTooLarge
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	cost := costOf(m.Payload)
	if c.queued+cost > SendHardLimit {
		return ErrQueueFull
	}
	*queue = append(*queue, m)
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
	sent := c.cfg.HandshakeSent
	for {
		o, err := c.next(ctx)
		if err != nil {
			return err
		}
		if err := c.write(o); err != nil {
			return err
		}
		if len(o.raw) > 0 && sent != nil {
			sent()
			sent = nil
		}
	}
}

// output is what can be written by now.
type output struct {
	raw    []byte
	encode encoder
	batch  []queued
}

// next waits for something to write and takes all there is. Messages wait until
// they can be encrypted.
func (c *Conn) next(ctx context.Context) (output, error) {
	for {
		c.mu.Lock()
		o, closed := output{raw: c.raw, encode: c.encode}, c.closed
		c.raw = nil
		if c.encode != nil {
			o.batch = c.takeBatch()
		}
		c.mu.Unlock()
		if len(o.raw)+len(o.batch) > 0 {
			return o, nil
		}
		if closed {
			return o, ErrClosed
		}
		select {
		case <-c.wake:
		case <-ctx.Done():
			return o, ctx.Err()
		}
	}
}

// write sends what is there and flushes once at its end.
func (c *Conn) write(o output) error {
	c.passing = passing{class: p2p.HandshakeTraffic}
	if _, err := c.writing.Write(o.raw); err != nil {
		return err
	}
	if err := c.flushPaced(len(o.raw)); err != nil {
		return err
	}
	for i, m := range o.batch {
		c.passing = passing{class: p2p.TrafficClassOf(m.Type), first: m.first}
		n, err := o.encode.write(c.writing, m.Message)
		if err != nil {
			return err
		}
		if i == len(o.batch)-1 {
			if err := c.writing.Flush(); err != nil {
				return err
			}
		}
		c.sent.count(m.Type, n)
		c.release(costOf(m.Payload))
	}
	return c.writing.Flush()
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
		LastSend: c.sent.last.Load(), LastReceive: c.received.last.Load(),
		LastSent: c.sent.lastTypes(), LastReceived: c.received.lastTypes(), Queued: queued,
	}
}

// LastTraffic returns when bytes were last written and read, in unix
// nanoseconds by the Conn's clock; 0 means never.
func (c *Conn) LastTraffic() (sent, received int64) {
	return c.sent.last.Load(), c.received.last.Load()
}

// Session tells what has been agreed on with the peer.
func (c *Conn) Session() Session { return *c.session.Load() }

// RefusesV2 reports, after Receive and Run have returned, whether the peer answered
// our key with nothing, though it was sent as much as makes one that speaks v1 only
// give up.
func (c *Conn) RefusesV2() bool {
	return c.cfg.V2 && c.cfg.Outbound && c.received.total.Load() == 0 && c.sent.total.Load() >= headerSize
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
