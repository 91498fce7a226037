package bus

import (
	"bytes"
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
	"github.com/bulkheadnode/bulkhead/internal/multipart"
)

// Frames is embedded in a request, reply or event type that carries raw
// frames beside its CBOR body.
type Frames = multipart.Frames

type framed interface{ AttachedFrames() *[][]byte }

// encoder holds one message on its way out.
type encoder struct {
	head     []byte
	body     bytes.Buffer
	attached [][]byte
	given    bool // body belongs to the link now
}

// encoderPool holds the memory of messages that have left.
var encoderPool = sync.Pool{New: func() any { return &encoder{head: make([]byte, 0, 256)} }}

func newEncoder() *encoder { return encoderPool.Get().(*encoder) }

// free gives the memory back, but for what the link refers to.
func (e *encoder) free() {
	if e.given {
		e.body = bytes.Buffer{}
	}
	e.body.Reset()
	e.attached, e.given = nil, false
	encoderPool.Put(e)
}

// encode fills e with a header and a value. v is a pointer.
func (e *encoder) encode(h *codec.Header, v any) error {
	err := checkName(h.To)
	if err == nil {
		err = checkName(h.Target)
	}
	if err != nil {
		return &Error{Kind: KindBadMessage, Text: err.Error()}
	}
	if e.head, err = codec.AppendHeader(e.head[:0], h); err != nil {
		return &Error{Kind: KindBadMessage, Method: h.To, Text: err.Error()}
	}
	e.body.Reset()
	if err := codec.MarshalTo(&e.body, v); err != nil {
		return &Error{Kind: KindBadMessage, Method: h.To, Text: err.Error()}
	}
	e.attached = nil
	if f, ok := v.(framed); ok {
		e.attached = *f.AttachedFrames()
	}
	return nil
}

// checkName refuses a name for which the broker would close the link.
func checkName(name string) error {
	if len(name) > codec.MaxName || !utf8.ValidString(name) {
		return fmt.Errorf("%.64q of %d bytes is no name", name, len(name))
	}
	return nil
}

// contents returns the body for the link to send.
func (e *encoder) contents() []byte {
	if e.body.Len() >= link.ByReference {
		e.given = true
	}
	return e.body.Bytes()
}
