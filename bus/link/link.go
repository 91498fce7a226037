package link

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/bulkheadnode/bulkhead/internal/zmtp/null"
)

// ByReference is the size in bytes from which a frame is queued without being
// copied: its memory belongs to the link until it has been written.
const ByReference = largeFrame

// Handler takes what arrives on a link, in the goroutine of Run.
type Handler interface {
	// Receive takes one message, which is valid until it returns.
	Receive(*Message)
	// Idle is called before Run waits for the peer: after the last of the
	// messages that arrived together.
	Idle()
}

// Priority says what a full queue means for a message.
type Priority int

const (
	// Ordinary messages are refused when the queue is full.
	Ordinary Priority = 1
	// Reserved messages may use a second queue's length: for those whose loss
	// would leave somebody waiting.
	Reserved Priority = 2
)

// Stats counts what has passed through a link since it was made. Bytes are
// those of frames' contents inbound, and with their framing outbound; those of
// the queue are less than the memory that Limits.QueueBytes bounds.
type Stats struct {
	MessagesIn, MessagesOut uint64
	BytesIn, BytesOut       uint64
	QueueMessages           int
	QueueBytes              int
	Silence                 time.Duration // since something arrived last
}

// Link is one ZMTP connection. Its methods may be called from any goroutine.
type Link struct {
	nc     *transport
	server bool
	limits Limits
	out    outbox
	pulse  pulse
	ready  chan struct{}
	peer   string // set before ready is closed

	messagesIn, bytesIn atomic.Uint64
}

// New makes a link over nc; server is the broker's side. Nothing is read or
// written before Run.
func New(nc net.Conn, server bool, limits Limits) *Link {
	l := &Link{nc: newTransport(nc), server: server, limits: limits.withDefaults(), ready: make(chan struct{})}
	l.out.t, l.out.limits = l.nc, l.limits
	l.out.writing = true // nothing may be written before the handshake
	l.pulse.link, l.pulse.begun = l, time.Now()
	return l
}

// Ready is closed when the handshake is done.
func (l *Link) Ready() <-chan struct{} { return l.ready }

// PeerIdentity is the Identity that the peer gave in its handshake, "" if it
// gave none. It may be called once Ready is closed, and by the handler.
func (l *Link) PeerIdentity() string { return l.peer }

// Run performs the handshake and hands each message that arrives to h, in
// order, until the peer closes, ctx ends or an error occurs. It returns nil
// when the peer closed between two messages or ctx ended.
func (l *Link) Run(ctx context.Context, h Handler) error {
	stop := context.AfterFunc(ctx, func() { l.nc.Close() })
	defer stop()
	r := &reader{t: l.nc, limits: l.limits, own: !l.server, idle: h.Idle, read: l.pulse.touch}
	err := l.serve(r, h)
	l.pulse.stop()
	l.out.close()
	l.nc.Close() // unblocks the writer
	r.close()
	return l.outcome(ctx, err, l.out.shut())
}

func (l *Link) serve(r *reader, h Handler) (err error) {
	if l.peer, err = null.Handshake(l.nc.Conn, r, l.socketType(), l.limits.Handshake); err != nil {
		return err
	}
	close(l.ready)
	l.pulse.touch()
	l.pulse.start()
	l.out.flush()
	for {
		msg, command, err := r.next()
		if err != nil {
			return err
		}
		if command {
			if answer := pong(msg.Head()); answer != nil {
				// A peer that pings faster than it reads gets fewer pongs.
				l.command(answer)
			}
			continue
		}
		l.messagesIn.Add(1)
		l.bytesIn.Add(uint64(msg.Size()))
		h.Receive(msg)
	}
}

func (l *Link) socketType() string {
	if l.server {
		return "ROUTER"
	}
	return "DEALER"
}

// outcome picks the error that tells why the link ended: a failed write
// shows up at the reader too, as a closed connection.
func (l *Link) outcome(ctx context.Context, readErr, writeErr error) error {
	if ctx.Err() != nil {
		return nil
	}
	if readErr == io.EOF {
		return nil
	}
	if errors.Is(readErr, net.ErrClosed) && writeErr != nil {
		return writeErr
	}
	return readErr
}

func (l *Link) command(body []byte) {
	if mine, err := l.out.command(body); err == nil && mine {
		l.out.flush()
	}
}

// Send queues a message of a header, a body and attachments, or reports
// ErrFull, ErrClosed or a *LimitError. It does not wait and does not write: if mine is true,
// the caller has to call Flush soon; if not, somebody else is about to.
func (l *Link) Send(p Priority, head, body []byte, attached [][]byte) (mine bool, err error) {
	return l.out.send(head, body, attached, int(p))
}

// SendWait is Send that waits for room until ctx ends.
func (l *Link) SendWait(ctx context.Context, head, body []byte, attached [][]byte) (mine bool, err error) {
	return l.out.sendWait(ctx, head, body, attached)
}

// Forward is Send of a message that has just arrived on another link, with
// another header. Its content is not copied if it is large.
func (l *Link) Forward(p Priority, head []byte, m *Message) (mine bool, err error) {
	return l.out.forward(head, m, int(p))
}

// Flush writes what is queued, without waiting for the peer to take it.
func (l *Link) Flush() { l.out.flush() }

// FlushLater is Flush in another goroutine, soon: what is queued until then
// leaves with it.
func (l *Link) FlushLater() { l.out.handOver() }

// Drain waits until the outbound queue is empty or ctx ends.
func (l *Link) Drain(ctx context.Context) error { return l.out.drain(ctx) }

// Close ends the link: Run returns.
func (l *Link) Close() {
	l.out.close()
	l.nc.Close()
}

// Stats returns the link's counters.
func (l *Link) Stats() Stats {
	messages, size := l.out.depth()
	s := Stats{
		MessagesIn: l.messagesIn.Load(), BytesIn: l.bytesIn.Load(),
		QueueMessages: messages, QueueBytes: size, Silence: l.pulse.silence(),
	}
	s.MessagesOut, s.BytesOut = l.out.totals()
	return s
}
