package zmtp

import (
	"encoding/binary"
	"fmt"
)

// Flags of a frame, the first byte of its head (RFC 23, "Framing"). The other
// bits are reserved and zero.
const (
	More    = 0x01 // another frame of the message follows
	Long    = 0x02 // the size is in 8 bytes
	Command = 0x04 // the frame is a command, not a part of a message

	known = More | Long | Command
)

// Lengths of a frame's head, in bytes: with a size of 1 byte and of 8.
const (
	ShortHead = 2
	LongHead  = 9
)

// maxShort is the largest body that a short head can tell of.
const maxShort = 255

// Head is what a frame's sender claims of it.
type Head struct {
	Flags byte   // as on the wire, Long included
	Size  uint64 // of the body, in bytes
}

// More reports whether another frame of the message follows.
func (h Head) More() bool { return h.Flags&More != 0 }

// Command reports whether the frame is a command.
func (h Head) Command() bool { return h.Flags&Command != 0 }

// ReservedFlagsError is the flags of a head that has a reserved one set.
type ReservedFlagsError byte

func (e ReservedFlagsError) Error() string { return fmt.Sprintf("reserved frame flags %#x", byte(e)) }

// ParseHead reads a frame's head from the beginning of b (RFC 23, "Framing"). n
// is the head's length, or as much of it as is certain, at least ShortHead. If b
// is shorter than n, the size is not known yet and n bytes are needed next.
//
// The error is a ReservedFlagsError, as soon as the flags are there. h and n are
// as without it, for those whose own check of the flags allows less.
//
// A long head may tell of a small body: peers need not choose the shorter one.
func ParseHead(b []byte) (h Head, n int, err error) {
	if len(b) == 0 {
		return h, ShortHead, nil
	}
	h.Flags, n = b[0], ShortHead
	if h.Flags&^known != 0 {
		err = ReservedFlagsError(h.Flags)
	}
	if h.Flags&Long != 0 {
		n = LongHead
	}
	switch {
	case len(b) < n:
	case n == ShortHead:
		h.Size = uint64(b[1])
	default:
		h.Size = binary.BigEndian.Uint64(b[1:LongHead])
	}
	return h, n, err
}

// AppendHead appends the head of a frame with a body of size bytes to b, short
// where the size allows (RFC 23, "Framing"). Of the flags, Long follows from the
// size. An array of LongHead bytes has room for any head.
func AppendHead(b []byte, flags byte, size int) []byte {
	if size <= maxShort {
		return append(b, flags&^Long, byte(size))
	}
	return binary.BigEndian.AppendUint64(append(b, flags|Long), uint64(size))
}

// HeadSize is the length in bytes of the head that AppendHead writes for a body
// of size bytes.
func HeadSize(size int) int {
	if size <= maxShort {
		return ShortHead
	}
	return LongHead
}

// FrameSize is the length in bytes, head and body, of a frame with a body of size
// bytes and the head that AppendHead writes for it.
func FrameSize(size int) int { return HeadSize(size) + size }
