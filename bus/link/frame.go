package link

import (
	"encoding/binary"
	"fmt"
	"io"
)

// ZMTP 3 frame flags (RFC 23, "Framing").
const (
	flagMore    = 0x01
	flagLong    = 0x02
	flagCommand = 0x04
	flagsKnown  = flagMore | flagLong | flagCommand
)

const (
	shortFrameHead = 2
	longFrameHead  = 9
)

// frameHead is a frame's flags and size as its peer claims them.
type frameHead struct {
	flags byte
	size  uint64
}

func (h frameHead) more() bool    { return h.flags&flagMore != 0 }
func (h frameHead) command() bool { return h.flags&flagCommand != 0 }

// parseFrameHead reads a frame's head from the beginning of b and returns its
// length there, zero if b is too short.
func parseFrameHead(b []byte) (h frameHead, n int, err error) {
	if len(b) == 0 {
		return h, 0, nil
	}
	h.flags = b[0]
	if h.flags&^flagsKnown != 0 {
		return h, 0, fmt.Errorf("reserved frame flags %#x", h.flags)
	}
	if h.flags&flagLong == 0 {
		if len(b) < shortFrameHead {
			return h, 0, nil
		}
		h.size = uint64(b[1])
		return h, shortFrameHead, nil
	}
	if len(b) < longFrameHead {
		return h, 0, nil
	}
	h.size = binary.BigEndian.Uint64(b[1:longFrameHead])
	return h, longFrameHead, nil
}

// putFrameHead writes the head of a frame of the given size to b, which has
// room for longFrameHead bytes, and returns its length.
func putFrameHead(b []byte, flags byte, size int) int {
	if size <= 255 {
		b[0], b[1] = flags, byte(size)
		return shortFrameHead
	}
	b[0] = flags | flagLong
	binary.BigEndian.PutUint64(b[1:longFrameHead], uint64(size))
	return longFrameHead
}

func wireSize(frame int) int {
	if frame <= 255 {
		return shortFrameHead + frame
	}
	return longFrameHead + frame
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
