package bus

import (
	"fmt"

	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/internal/events"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// content is the body of a message that has arrived, and its attachments. It
// is decoded once, by one goroutine, which gives the body's memory back:
// decoding copies what is kept. Attachments are kept as they are.
type content struct {
	body     []byte
	attached [][]byte
	slab     *events.Slab // where body is, nil if it has memory of its own
}

func (c *content) size() int {
	n := len(c.body)
	for _, frame := range c.attached {
		n += len(frame)
	}
	return n
}

// decode fills v, a pointer.
func (c *content) decode(v any) error {
	err := decode(c.body, c.attached, v)
	if c.slab != nil {
		c.slab.Release()
	}
	*c = content{}
	return err
}

// decode fills v, a pointer, from a message's body and attachments.
func decode(body []byte, attached [][]byte, v any) error {
	if err := codec.Unmarshal(body, v); err != nil {
		return &Error{Kind: KindBadMessage, Text: err.Error()}
	}
	f, ok := v.(framed)
	if ok {
		*f.AttachedFrames() = attached
	} else if len(attached) > 0 {
		return &Error{Kind: KindBadMessage, Text: fmt.Sprintf("%d unexpected attachments", len(attached))}
	}
	return nil
}

// contents takes a message's content over.
func (r *reading) contents(m *link.Message) content {
	body, own := m.Frame(1)
	c := content{body: body, attached: attachments(m)}
	if !own {
		c.body, c.slab = r.bodies.Copy(body)
	}
	return c
}

// attachments returns those of a message as memory that may be kept.
func attachments(m *link.Message) [][]byte {
	if m.Len() == 2 {
		return nil
	}
	attached := make([][]byte, m.Len()-2)
	for i := range attached {
		frame, own := m.Frame(2 + i)
		if !own {
			frame = append([]byte{}, frame...)
		}
		attached[i] = frame
	}
	return attached
}
