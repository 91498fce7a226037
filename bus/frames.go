package bus

import (
	"fmt"

	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// Frames is embedded in a request, reply or event type that carries raw
// frames beside its CBOR body. The bytes are not copied on their way: whoever
// sends them must not change them afterwards, whoever receives them owns them.
type Frames struct {
	Attached [][]byte `cbor:"-"`
}

func (f *Frames) frames() *[][]byte { return &f.Attached }

type framed interface{ frames() *[][]byte }

// encode turns a header and a value into a message. v is a pointer.
func encode(h *codec.Header, v any) (link.Message, error) {
	head, err := codec.EncodeHeader(h)
	if err != nil {
		return nil, &Error{Kind: KindBadMessage, Method: h.To, Text: err.Error()}
	}
	body, err := codec.Marshal(v)
	if err != nil {
		return nil, &Error{Kind: KindBadMessage, Method: h.To, Text: err.Error()}
	}
	msg := link.Message{head, body}
	if f, ok := v.(framed); ok {
		msg = append(msg, *f.frames()...)
	}
	return msg, nil
}

// decode fills v, a pointer, from a message's body and attachments.
func decode(body []byte, attached [][]byte, v any) error {
	if err := codec.Unmarshal(body, v); err != nil {
		return &Error{Kind: KindBadMessage, Text: err.Error()}
	}
	f, ok := v.(framed)
	if ok {
		*f.frames() = attached
	} else if len(attached) > 0 {
		return &Error{Kind: KindBadMessage, Text: fmt.Sprintf("%d unexpected attachments", len(attached))}
	}
	return nil
}
