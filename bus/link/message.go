package link

import "github.com/bulkheadnode/bulkhead/internal/zmtp"

// Message is one received multipart message. It and its frames are valid
// until the handler it was given to returns.
type Message struct {
	frames [][]byte // contents; of a message in blocks only the first
	rest   []byte   // wire form of all frames but the first
	blocks []*block // instead of rest: for a message larger than the buffer
	kept   int      // bytes in blocks
	ends   int      // of them, those in the last block
	fresh  bool     // frames are memory of their own
	size   int      // contents of all frames, in bytes
	count  int      // frames
}

// Head returns the content of the first frame.
func (m *Message) Head() []byte { return m.frames[0] }

// Len returns the number of frames, at least one.
func (m *Message) Len() int { return m.count }

// Size returns the number of bytes in all frames.
func (m *Message) Size() int { return m.size }

// Frame returns the content of frame i, counted from zero, and whether it is
// memory of its own, which the caller may keep. Only a link of a part's side
// has its messages' frames at hand.
func (m *Message) Frame(i int) (content []byte, own bool) { return m.frames[i], m.fresh }

// Rest returns the frames after the first as memory that the caller owns.
func (m *Message) Rest() [][]byte {
	switch {
	case m.blocks != nil:
		return m.unwire()
	case m.count == 1:
		return nil
	}
	own := make([][]byte, m.count-1)
	if m.fresh {
		copy(own, m.frames[1:])
		return own
	}
	m.copyRest(own)
	return own
}

// copyRest copies the frames after the first into one piece of memory.
func (m *Message) copyRest(own [][]byte) {
	mem := make([]byte, 0, m.size-len(m.frames[0]))
	for i, frame := range m.frames[1:] {
		start := len(mem)
		mem = append(mem, frame...)
		own[i] = mem[start:len(mem):len(mem)]
	}
}

// Second returns a copy of the second frame's content, without the frames
// that follow it.
func (m *Message) Second() []byte {
	if m.blocks == nil {
		return append([]byte{}, m.frames[1]...)
	}
	return m.unwire()[0]
}

// unwire copies the frames out of the blocks. Their heads were checked when
// they arrived.
func (m *Message) unwire() [][]byte {
	wire := make([]byte, 0, m.size+m.count*zmtp.LongHead)
	for i := range m.blocks {
		wire = append(wire, m.used(i)...)
	}
	own := make([][]byte, 0, m.count-1)
	for len(own) < m.count-1 {
		head, n, err := zmtp.ParseHead(wire)
		if err != nil || n > len(wire) {
			break
		}
		end := n + int(head.Size)
		own = append(own, wire[n:end:end])
		wire = wire[end:]
	}
	return own
}

// keep counts n more bytes in the last block.
func (m *Message) keep(n int) {
	m.kept += n
	m.ends += n
}

// used returns the wire bytes in block i.
func (m *Message) used(i int) []byte {
	if i == len(m.blocks)-1 {
		return m.blocks[i].mem[:m.ends]
	}
	return m.blocks[i].mem
}

// drop gives back what the message holds.
func (m *Message) drop() {
	for _, b := range m.blocks {
		b.release()
	}
	*m = Message{frames: m.frames[:0]}
}
