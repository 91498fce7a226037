package link

import (
	"fmt"
	"io"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

// span is where a frame's content lies, counted from the message's first byte.
type span struct{ from, to int }

// reader cuts messages out of what a connection brings. The limits are
// enforced on the sizes that the peer claims, before memory is taken for them.
type reader struct {
	t      *transport
	limits Limits
	own    bool   // large frames are read into memory of their own, to be handed on
	idle   func() // called before every wait for the peer
	read   func() // called after it

	buf readBuffer
	msg Message
	// Of the message being parsed: what of it is known to be whole.
	spans []span
	at    int
	total uint64
}

// next returns a message or a command, waiting for it.
func (r *reader) next() (msg *Message, command bool, err error) {
	r.msg.drop()
	for {
		whole, err := r.parse()
		switch {
		case err != nil:
			return nil, false, err
		case whole:
			return &r.msg, r.msg.count == 0, nil
		}
		if err := r.fill(); err != nil {
			return nil, false, r.ended(err)
		}
	}
}

// ended tells a peer that closed between two messages from one that did so
// within one.
func (r *reader) ended(err error) error {
	if len(r.buf.unread()) > 0 {
		return noEOF(err)
	}
	return err
}

func (r *reader) fill() error {
	r.idle()
	err := r.t.read(&r.buf)
	r.read()
	return err
}

// parse goes on with the message at the front of the buffer and reports
// whether it is whole.
func (r *reader) parse() (bool, error) {
	for {
		rest := r.buf.unread()[r.at:]
		head, n, err := zmtp.ParseHead(rest)
		switch {
		case err != nil:
			return false, err
		case n > len(rest) && r.at+zmtp.LongHead > bufferBytes:
			return true, r.large() // the buffer may be full of what is whole
		case n > len(rest):
			return false, nil
		}
		if err := r.check(head, len(r.spans)); err != nil {
			return false, err
		}
		size := n + int(head.Size)
		if r.at+size > bufferBytes {
			return true, r.large()
		}
		if size > len(rest) {
			return false, nil
		}
		r.spans = append(r.spans, span{r.at + n, r.at + size})
		r.at += size
		r.total += head.Size
		if !head.More() {
			r.deliver(head.Command())
			return true, nil
		}
	}
}

// check holds a frame against the limits, given how many came before it.
func (r *reader) check(head zmtp.Head, before int) error {
	if head.Command() && (head.More() || before > 0) {
		return fmt.Errorf("command inside a multipart message")
	}
	switch {
	case head.Size > uint64(r.limits.FrameBytes):
		return &LimitError{What: "frame", Size: head.Size, Limit: r.limits.FrameBytes}
	case r.total+head.Size > uint64(r.limits.MessageBytes):
		return &LimitError{What: "message", Size: r.total + head.Size, Limit: r.limits.MessageBytes}
	case before >= r.limits.Frames:
		return &LimitError{What: "frame count", Size: uint64(before + 1), Limit: r.limits.Frames}
	case before == 0 && head.Size > bufferBytes/2:
		return &LimitError{What: "first frame", Size: head.Size, Limit: bufferBytes / 2}
	}
	return nil
}

// deliver makes the whole message at the front of the buffer the current one.
// A command has a count of zero.
func (r *reader) deliver(command bool) {
	wire := r.buf.unread()
	for _, s := range r.spans {
		r.msg.frames = append(r.msg.frames, wire[s.from:s.to:s.to])
	}
	r.msg.rest = wire[r.spans[0].to:r.at]
	r.msg.size = int(r.total)
	if !command {
		r.msg.count = len(r.spans)
	}
	r.buf.r += r.at
	r.restart()
}

func (r *reader) restart() { r.spans, r.at, r.total = r.spans[:0], 0, 0 }

// large reads the rest of a message that the buffer cannot hold: into frames
// of their own, or into blocks.
func (r *reader) large() error {
	wire := r.buf.unread()
	r.msg.frames = append(r.msg.frames, append([]byte{}, wire[r.spans[0].from:r.spans[0].to]...))
	r.msg.fresh = true
	count := len(r.spans)
	if r.own {
		for _, s := range r.spans[1:] {
			r.msg.frames = append(r.msg.frames, append([]byte{}, wire[s.from:s.to]...))
		}
	} else {
		r.store(wire[r.spans[0].to:r.at], 0)
	}
	r.buf.r += r.at
	for more := true; more; count++ {
		head, err := r.largeFrame(count)
		if err != nil {
			return err
		}
		more = head.More()
	}
	r.msg.size, r.msg.count = int(r.total), count
	r.restart()
	return nil
}

func (r *reader) largeFrame(before int) (head zmtp.Head, err error) {
	n := 0
	for {
		if head, n, err = zmtp.ParseHead(r.buf.unread()); err != nil {
			return head, err
		}
		if n <= len(r.buf.unread()) {
			break
		}
		if err := r.fill(); err != nil {
			return head, noEOF(err)
		}
	}
	if err := r.check(head, before); err != nil {
		return head, err
	}
	r.total += head.Size
	if r.own {
		r.buf.r += n
		frame := make([]byte, head.Size)
		r.msg.frames = append(r.msg.frames, frame)
		return head, r.full(frame)
	}
	r.store(r.buf.unread()[:n], int(head.Size))
	r.buf.r += n
	return head, r.fillBlocks(int(head.Size))
}

// store copies wire bytes to the end of the message's blocks; as many as after
// will follow.
func (r *reader) store(p []byte, after int) {
	for len(p) > 0 {
		n := copy(r.space(len(p)+after), p)
		r.msg.keep(n)
		p = p[n:]
	}
}

// space returns the free part of the last block, which is a new one if the
// last is full. At least need more bytes are known to come.
func (r *reader) space(need int) []byte {
	m := &r.msg
	if last := len(m.blocks) - 1; last >= 0 && m.ends < len(m.blocks[last].mem) {
		return m.blocks[last].mem[m.ends:]
	}
	b := nextBlock(m.kept, need)
	m.blocks, m.ends = append(m.blocks, b), 0
	return b.mem
}

// fillBlocks reads n bytes into blocks, which are taken as the bytes arrive.
func (r *reader) fillBlocks(n int) error {
	for n > 0 {
		if len(r.buf.unread()) == 0 && n < bufferBytes/2 {
			// The last bytes of a frame come with what follows it.
			if err := r.fill(); err != nil {
				return noEOF(err)
			}
		}
		space := r.space(n)
		space = space[:min(n, len(space))]
		got, err := r.Read(space)
		if err != nil {
			return err
		}
		r.msg.keep(got)
		n -= got
	}
	return nil
}

// Read reads at least one byte into p, from the buffer if there is any.
func (r *reader) Read(p []byte) (int, error) {
	if unread := r.buf.unread(); len(unread) > 0 {
		n := copy(p, unread)
		r.buf.r += n
		return n, nil
	}
	r.idle()
	n, err := r.t.Read(p)
	r.read()
	if n == 0 && err == nil {
		err = io.ErrNoProgress
	}
	if n > 0 {
		return n, nil
	}
	return 0, noEOF(err)
}

// full reads until p is full.
func (r *reader) full(p []byte) error {
	for len(p) > 0 {
		n, err := r.Read(p)
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// close gives back what the reader holds.
func (r *reader) close() {
	r.msg.drop()
	r.buf.r = r.buf.w
	r.buf.relax()
}

// Peek waits for n bytes and returns them without taking them.
func (r *reader) Peek(n int) ([]byte, error) {
	for len(r.buf.unread()) < n {
		if err := r.fill(); err != nil {
			return nil, noEOF(err)
		}
	}
	return r.buf.unread()[:n], nil
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
