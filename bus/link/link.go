package link

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

const bufferBytes = 64 << 10

// Stats counts what has passed through a link since it was made. Messages and
// bytes are those of frames, without ZMTP's framing.
type Stats struct {
	MessagesIn, MessagesOut uint64
	BytesIn, BytesOut       uint64
	QueueMessages           int
	QueueBytes              int
}

// Link is one ZMTP connection. Its methods may be called from any goroutine.
type Link struct {
	nc     net.Conn
	server bool
	limits Limits
	queue  *queue
	ready  chan struct{}

	messagesIn, messagesOut atomic.Uint64
	bytesIn, bytesOut       atomic.Uint64
}

// New makes a link over nc; server is the broker's side. Nothing is read or
// written before Run.
func New(nc net.Conn, server bool, limits Limits) *Link {
	limits = limits.withDefaults()
	return &Link{
		nc: nc, server: server, limits: limits,
		queue: newQueue(limits), ready: make(chan struct{}),
	}
}

// Ready is closed when the handshake is done.
func (l *Link) Ready() <-chan struct{} { return l.ready }

// Run performs the handshake and hands each message that arrives to handle,
// in order, until the peer closes, ctx ends or an error occurs. It returns
// nil when the peer closed between two messages or ctx ended.
func (l *Link) Run(ctx context.Context, handle func(Message)) error {
	defer l.queue.close()
	stop := context.AfterFunc(ctx, func() { l.nc.Close() })
	defer stop()
	defer l.nc.Close()

	r := bufio.NewReaderSize(l.nc, bufferBytes)
	if err := handshake(l.nc, r, l.server, l.limits.Handshake); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	close(l.ready)

	var writer sync.WaitGroup
	var writeErr error
	done := make(chan struct{})
	writer.Go(func() {
		writeErr = l.write(done)
		l.nc.Close() // unblocks the reader
	})
	readErr := l.read(r, handle)
	l.queue.close()
	close(done)
	l.nc.Close() // unblocks the writer
	writer.Wait()
	return l.outcome(ctx, readErr, writeErr)
}

// outcome picks the error that tells why the link ended: a failed write
// shows up at the reader too, as a closed connection.
func (l *Link) outcome(ctx context.Context, readErr, writeErr error) error {
	if ctx.Err() != nil || readErr == io.EOF {
		return nil
	}
	if errors.Is(readErr, net.ErrClosed) && writeErr != nil {
		return writeErr
	}
	return readErr
}

func (l *Link) read(r *bufio.Reader, handle func(Message)) error {
	for {
		msg, command, err := readMessage(r, l.limits)
		if err != nil {
			return err
		}
		if command {
			l.command(msg[0])
			continue
		}
		l.messagesIn.Add(1)
		l.bytesIn.Add(uint64(msg.size()))
		handle(msg)
	}
}

// command answers a PING (ZMTP 3.1: name, 2 bytes of time to live, context)
// with a PONG that carries the context. Other commands are ignored.
func (l *Link) command(body []byte) {
	ping := []byte("\x04PING")
	if !bytes.HasPrefix(body, ping) || len(body) < len(ping)+2 || len(body) > len(ping)+2+16 {
		return
	}
	pong := append([]byte("\x04PONG"), body[len(ping)+2:]...)
	// A peer that pings faster than it reads gets fewer pongs.
	_ = l.queue.put(outbound{command: pong}, 1)
}

func (l *Link) write(done <-chan struct{}) error {
	w := bufio.NewWriterSize(l.nc, bufferBytes)
	var spare []outbound
	for {
		select {
		case <-l.queue.wake:
		case <-done:
			return nil
		}
		batch := l.queue.take(spare)
		for _, o := range batch {
			if err := l.writeOne(w, o); err != nil {
				return err
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
		l.queue.written(batch)
		spare = batch
	}
}

func (l *Link) writeOne(w *bufio.Writer, o outbound) error {
	if o.command != nil {
		return writeFrame(w, o.command, flagCommand)
	}
	l.messagesOut.Add(1)
	l.bytesOut.Add(uint64(o.msg.size()))
	return writeMessage(w, o.msg)
}

// Send queues msg or reports ErrFull or ErrClosed at once.
func (l *Link) Send(msg Message) error { return l.queue.put(outbound{msg: msg}, 1) }

// SendReserved is Send with a reserve of a second queue's length, for
// messages whose loss would leave somebody waiting.
func (l *Link) SendReserved(msg Message) error { return l.queue.put(outbound{msg: msg}, 2) }

// SendWait queues msg, waiting for room until ctx ends.
func (l *Link) SendWait(ctx context.Context, msg Message) error {
	return l.queue.putWait(ctx, outbound{msg: msg})
}

// Close ends the link: Run returns.
func (l *Link) Close() {
	l.queue.close()
	l.nc.Close()
}

// Stats returns the link's counters.
func (l *Link) Stats() Stats {
	messages, size := l.queue.depth()
	return Stats{
		MessagesIn: l.messagesIn.Load(), MessagesOut: l.messagesOut.Load(),
		BytesIn: l.bytesIn.Load(), BytesOut: l.bytesOut.Load(),
		QueueMessages: messages, QueueBytes: size,
	}
}

// Flush waits until the outbound queue is empty or ctx ends.
func (l *Link) Flush(ctx context.Context) error { return l.queue.drain(ctx) }
