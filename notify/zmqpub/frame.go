package zmqpub

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Frame flags of ZMTP 3 (RFC 23).
const (
	flagMore    = 0x01
	flagLong    = 0x02
	flagCommand = 0x04
	flagsKnown  = flagMore | flagLong | flagCommand
)

// maxFrame is the largest frame a subscriber may send, in bytes.
const maxFrame = 257

// frame is one frame of a subscriber.
type frame struct {
	command bool
	more    bool
	body    []byte
}

// readFrame reads one frame. Its size is checked before it is allocated.
func readFrame(r *bufio.Reader) (frame, error) {
	flags, err := r.ReadByte()
	if err != nil {
		return frame{}, err
	}
	if flags&^flagsKnown != 0 {
		return frame{}, fmt.Errorf("reserved frame flags %#02x", flags)
	}
	size := uint64(0)
	if flags&flagLong == 0 {
		short, err := r.ReadByte()
		if err != nil {
			return frame{}, err
		}
		size = uint64(short)
	} else {
		var long [8]byte
		if _, err := io.ReadFull(r, long[:]); err != nil {
			return frame{}, err
		}
		size = binary.BigEndian.Uint64(long[:])
	}
	if size > maxFrame {
		return frame{}, fmt.Errorf("frame of %d bytes exceeds the limit of %d", size, maxFrame)
	}
	body := make([]byte, size)
	_, err = io.ReadFull(r, body)
	return frame{command: flags&flagCommand != 0, more: flags&flagMore != 0, body: body}, err
}

func writeFrame(w *bufio.Writer, body []byte, flags byte) error {
	var head [9]byte
	n := 2
	head[1] = byte(len(body))
	if len(body) > 255 {
		flags |= flagLong
		binary.BigEndian.PutUint64(head[1:], uint64(len(body)))
		n = 9
	}
	head[0] = flags
	if _, err := w.Write(head[:n]); err != nil {
		return err
	}
	_, err := w.Write(body)
	return err
}

// writeMessage writes the frames of one message.
func writeMessage(w *bufio.Writer, frames [][]byte) error {
	for i, body := range frames {
		var flags byte
		if i < len(frames)-1 {
			flags = flagMore
		}
		if err := writeFrame(w, body, flags); err != nil {
			return err
		}
	}
	return nil
}

// splitCommand takes the name off a command's body.
func splitCommand(body []byte) (name string, rest []byte, err error) {
	if len(body) == 0 || len(body) < 1+int(body[0]) {
		return "", nil, fmt.Errorf("malformed command of %d bytes", len(body))
	}
	n := 1 + int(body[0])
	return string(body[1:n]), body[n:], nil
}

func command(name string, body []byte) []byte {
	b := append([]byte{byte(len(name))}, name...)
	return append(b, body...)
}
