package codec

import (
	"fmt"
	"strings"
)

// Version is the version of the bus protocol that this code speaks.
const Version = 1

// MaxHeader is the largest encoded Header in bytes.
const MaxHeader = 4096

// MaxName is the longest method, topic, prefix of topics or instance in bytes.
const MaxName = 256

// Kind tells what a bus message is.
type Kind uint8

// The kinds of messages. A comment names the direction: part to broker (up),
// broker to part (down), or both.
const (
	Hello       Kind = iota + 1 // up: body is an Announcement
	Welcome                     // down: the announcement is accepted; To is the instance's name
	Call                        // both: To is the method; Credit makes it the opening of a stream
	Reply                       // both: answers the Call of the same ID; ends a stream
	Error                       // both: answers it with Fault and Text
	Cancel                      // both: the caller of ID no longer waits
	Publish                     // up: To is the topic
	Event                       // down: ID is the subscription, Gap what was lost before
	Subscribe                   // up: ID is the subscription, body the Prefixes
	Unsubscribe                 // up: ends the subscription ID
	Item                        // both: one item of the stream ID, from its server to its caller
	Credit                      // both: allows the server of the stream ID that many more items
	Drain                       // up: withdraws what was announced; answered by a Reply of the same ID
)

// Header is the first frame of every bus message: a CBOR map with the keys
// below. The second frame is the body, the rest are attachments.
type Header struct {
	Version  uint8  `cbor:"1,keyasint"`
	Kind     Kind   `cbor:"2,keyasint"`
	ID       uint64 `cbor:"3,keyasint,omitempty"` // correlation id, or subscription id
	To       string `cbor:"4,keyasint,omitempty"` // method or topic
	Deadline int64  `cbor:"5,keyasint,omitempty"` // absolute, microseconds since the Unix epoch
	Trace    uint64 `cbor:"6,keyasint,omitempty"` // the same from the first call to the last hop
	Target   string `cbor:"7,keyasint,omitempty"` // one instance instead of any that offers To
	From     string `cbor:"8,keyasint,omitempty"` // caller's instance, set by the broker
	Role     string `cbor:"9,keyasint,omitempty"` // caller's role, set by the broker
	Gap      uint64 `cbor:"10,keyasint,omitempty"`
	Fault    string `cbor:"11,keyasint,omitempty"` // stable error kind
	Text     string `cbor:"12,keyasint,omitempty"` // error text
	Credit   uint64 `cbor:"13,keyasint,omitempty"` // items that may be sent
}

// View is a decoded Header whose texts are parts of the frame it came from:
// they are valid as long as that is.
type View struct {
	Kind     Kind
	ID       uint64
	Deadline int64
	Trace    uint64
	Gap      uint64
	Credit   uint64
	To       []byte
	Target   []byte
	From     []byte
	Role     []byte
	Fault    []byte
	Text     []byte
}

// Announcement is the body of a Hello: what a part offers. Meta maps a name
// such as "rpc" to an encoding that only its readers know.
type Announcement struct {
	Offers []string          `cbor:"1,keyasint,omitempty"`
	Meta   map[string][]byte `cbor:"2,keyasint,omitempty"`
}

// Prefixes is the body of a Subscribe: topics that begin with one of Topics.
type Prefixes struct {
	Topics []string `cbor:"1,keyasint"`
}

// EncodeHeader returns h as a frame.
func EncodeHeader(h *Header) ([]byte, error) { return AppendHeader(nil, h) }

// AppendHeader appends h as a frame to dst.
func AppendHeader(dst []byte, h *Header) ([]byte, error) {
	before := len(dst)
	dst = appendHeader(dst, h)
	if n := len(dst) - before; n > MaxHeader {
		return dst[:before], fmt.Errorf("header of %d bytes exceeds %d", n, MaxHeader)
	}
	return dst, nil
}

// DecodeHeader parses a frame as a Header and checks its version and kind.
func DecodeHeader(frame []byte) (View, error) {
	if len(frame) > MaxHeader {
		return View{}, fmt.Errorf("header of %d bytes exceeds %d", len(frame), MaxHeader)
	}
	v, version, ok := scanHeader(frame)
	if !ok {
		var err error
		if v, version, err = decodeAny(frame); err != nil {
			return View{}, fmt.Errorf("header: %w", err)
		}
	}
	if version != Version {
		return View{}, fmt.Errorf("bus protocol version %d, want %d", version, Version)
	}
	if v.Kind < Hello || v.Kind > Drain {
		return View{}, fmt.Errorf("unknown message kind %d", v.Kind)
	}
	return v, nil
}

// decodeAny decodes any CBOR map that a Header may be, with keys that this
// version does not know and integers of any width.
func decodeAny(frame []byte) (View, uint8, error) {
	var h Header
	if err := Unmarshal(frame, &h); err != nil {
		return View{}, 0, err
	}
	return View{
		Kind: h.Kind, ID: h.ID, Deadline: h.Deadline, Trace: h.Trace, Gap: h.Gap, Credit: h.Credit,
		To: []byte(h.To), Target: []byte(h.Target), From: []byte(h.From), Role: []byte(h.Role),
		Fault: []byte(h.Fault), Text: []byte(h.Text),
	}, h.Version, nil
}

// ErrorText makes of an error's text one that a header may hold: it may quote
// bytes that are no text, and is cut to a length.
func ErrorText(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), MaxHeader/2)], "?")
}
