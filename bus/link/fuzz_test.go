package link

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// script is a connection that brings bytes in pieces of a given size and
// keeps what is written.
type script struct {
	net.Conn
	in    []byte
	piece int
	out   bytes.Buffer
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.piece)], s.in)
	s.in = s.in[n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error) { return s.out.Write(p) }
func (s *script) Close() error                { return nil }
func (s *script) SetDeadline(time.Time) error { return nil }

func readerOf(data []byte, piece int, own bool, limits Limits) *reader {
	t := newTransport(&script{in: data, piece: piece})
	return &reader{t: t, limits: limits, own: own, idle: func() {}, read: func() {}}
}

// FuzzReader: whatever bytes arrive, in whatever pieces, reading ends without
// a panic and within the limits; a message that was read is forwarded as the
// same frames, however it was kept.
func FuzzReader(f *testing.F) {
	f.Add([]byte{0x00, 0x05, 'h', 'e', 'l', 'l', 'o'}, uint16(1))
	f.Add([]byte{0x01, 0x01, 'a', 0x00, 0x00}, uint16(100))
	f.Add([]byte("\x04\x08\x04PONGctx"), uint16(3))
	f.Add([]byte{0x02, 0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3}, uint16(5))
	f.Add([]byte{0x02, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, uint16(9))
	f.Add(append([]byte{0x01, 1, 'h', 0x02, 0, 0, 0, 0, 0, 1, 0x10, 0}, make([]byte, 1<<16+1<<12)...), uint16(60000))
	f.Fuzz(func(t *testing.T, data []byte, piece uint16) {
		limits := Limits{FrameBytes: 1 << 17, MessageBytes: 1 << 18, Frames: 16}.withDefaults()
		stored := readerOf(data, int(piece)+1, false, limits)
		owned := readerOf(data, len(data)+1, true, limits)
		defer stored.close()
		defer owned.close()
		for {
			m, command, err := stored.next()
			n, other, otherErr := owned.next()
			if (err == nil) != (otherErr == nil) || command != other {
				t.Fatalf("%v against %v", err, otherErr)
			}
			if err != nil {
				return
			}
			if m.Len() > limits.Frames || m.Size() > limits.MessageBytes || m.Size() != n.Size() {
				t.Fatalf("%d frames, %d bytes", m.Len(), m.Size())
			}
			if !command {
				compare(t, m, n, limits)
			}
		}
	})
}

func compare(t *testing.T, m, n *Message, limits Limits) {
	t.Helper()
	to := &script{}
	box := &outbox{t: newTransport(to), limits: limits}
	if mine, err := box.forward(m.Head(), m, 1); err != nil || !mine {
		t.Fatalf("not forwarded: %v", err)
	}
	box.flush()
	if err := box.drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := box.shut(); err != nil {
		t.Fatal(err)
	}
	again := readerOf(to.out.Bytes(), 1<<20, true, limits)
	defer again.close()
	o, _, err := again.next()
	if err != nil {
		t.Fatal(err)
	}
	a, b, c := m.Rest(), n.Rest(), o.Rest()
	if len(a) != m.Len()-1 || len(b) != len(a) || len(c) != len(a) || !bytes.Equal(m.Head(), n.Head()) || !bytes.Equal(m.Head(), o.Head()) {
		t.Fatalf("%d frames became %d and %d", len(a), len(b), len(c))
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) || !bytes.Equal(a[i], c[i]) {
			t.Fatalf("frame %d changed", i)
		}
	}
}
