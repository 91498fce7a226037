package zmqpub

import (
	"bufio"
	"io"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
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
	head, err := readHead(r)
	if err != nil {
		return frame{}, err
	}
	if head.Size > maxFrame {
		return frame{}, &zmtp.LimitError{What: "frame", Size: head.Size, Limit: maxFrame}
	}
	body := make([]byte, head.Size)
	_, err = io.ReadFull(r, body)
	return frame{command: head.Command(), more: head.More(), body: body}, err
}

// readHead waits for no more than it needs: what the flags tell is known after
// one byte.
func readHead(r *bufio.Reader) (zmtp.Head, error) {
	for need := 1; ; {
		b, err := r.Peek(need)
		if err != nil {
			return zmtp.Head{}, err
		}
		head, n, err := zmtp.ParseHead(b)
		if err != nil {
			return zmtp.Head{}, err
		}
		if n <= need {
			_, err = r.Discard(n)
			return head, err
		}
		need = n
	}
}

func writeFrame(w *bufio.Writer, body []byte, flags byte) error {
	if _, err := w.Write(zmtp.AppendHead(w.AvailableBuffer(), flags, len(body))); err != nil {
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
			flags = zmtp.More
		}
		if err := writeFrame(w, body, flags); err != nil {
			return err
		}
	}
	return nil
}
