package link

import (
	"bufio"
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

// Message is the frames of one multipart message. A receiver owns them; a
// sender must not change them after it handed them over.
type Message [][]byte

func (m Message) size() int {
	n := 0
	for _, frame := range m {
		n += len(frame)
	}
	return n
}

// LimitError tells which limit a peer exceeded.
type LimitError struct {
	What  string
	Size  uint64
	Limit int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s of %d exceeds the limit of %d", e.What, e.Size, e.Limit)
}

// readFrameHead returns a frame's flags and size, checked against nothing.
func readFrameHead(r *bufio.Reader) (flags byte, size uint64, err error) {
	if flags, err = r.ReadByte(); err != nil {
		return 0, 0, err
	}
	if flags&^flagsKnown != 0 {
		return 0, 0, fmt.Errorf("reserved frame flags %#x", flags)
	}
	if flags&flagLong == 0 {
		short, err := r.ReadByte()
		return flags, uint64(short), noEOF(err)
	}
	var long [8]byte
	_, err = io.ReadFull(r, long[:])
	return flags, binary.BigEndian.Uint64(long[:]), noEOF(err)
}

// readMessage reads one message or one command. The limits are enforced on
// the sizes the peer claims, before memory is allocated for them.
func readMessage(r *bufio.Reader, lim Limits) (msg Message, command bool, err error) {
	total := uint64(0)
	for {
		flags, size, err := readFrameHead(r)
		if err != nil {
			if len(msg) > 0 {
				err = noEOF(err)
			}
			return nil, false, err
		}
		command = flags&flagCommand != 0
		if command && (flags&flagMore != 0 || len(msg) > 0) {
			return nil, false, fmt.Errorf("command inside a multipart message")
		}
		total += size
		switch {
		case size > uint64(lim.FrameBytes):
			return nil, false, &LimitError{"frame", size, lim.FrameBytes}
		case total > uint64(lim.MessageBytes):
			return nil, false, &LimitError{"message", total, lim.MessageBytes}
		case len(msg) >= lim.Frames:
			return nil, false, &LimitError{"frame count", uint64(len(msg) + 1), lim.Frames}
		}
		frame := make([]byte, size)
		if _, err := io.ReadFull(r, frame); err != nil {
			return nil, false, noEOF(err)
		}
		msg = append(msg, frame)
		if flags&flagMore == 0 {
			return msg, command, nil
		}
	}
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func writeFrame(w *bufio.Writer, frame []byte, flags byte) error {
	var head [longFrameHead]byte
	n := shortFrameHead
	if len(frame) > 255 {
		flags |= flagLong
		binary.BigEndian.PutUint64(head[1:], uint64(len(frame)))
		n = longFrameHead
	} else {
		head[1] = byte(len(frame))
	}
	head[0] = flags
	if _, err := w.Write(head[:n]); err != nil {
		return err
	}
	_, err := w.Write(frame)
	return err
}

func writeMessage(w *bufio.Writer, msg Message) error {
	for i, frame := range msg {
		var flags byte
		if i < len(msg)-1 {
			flags = flagMore
		}
		if err := writeFrame(w, frame, flags); err != nil {
			return err
		}
	}
	return nil
}
