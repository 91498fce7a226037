package codec

import "fmt"

// Version is the version of the bus protocol that this code speaks.
const Version = 1

// MaxHeader is the largest encoded Header in bytes.
const MaxHeader = 4096

// Kind tells what a bus message is.
type Kind uint8

// The kinds of messages. A comment names the direction: part to broker (up),
// broker to part (down), or both.
const (
	Hello       Kind = iota + 1 // up: body is an Announcement
	Welcome                     // down: the announcement is accepted
	Call                        // both: To is the method
	Reply                       // both: answers the Call of the same ID
	Error                       // both: answers it with Fault and Text
	Cancel                      // both: the caller of ID no longer waits
	Publish                     // up: To is the topic
	Event                       // down: ID is the subscription, Gap what was lost before
	Subscribe                   // up: ID is the subscription, body the Prefixes
	Unsubscribe                 // up: ends the subscription ID
)

// Header is the first frame of every bus message. The second is the body,
// the rest are attachments.
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
func EncodeHeader(h *Header) ([]byte, error) {
	h.Version = Version
	frame, err := Marshal(h)
	if err == nil && len(frame) > MaxHeader {
		return nil, fmt.Errorf("header of %d bytes exceeds %d", len(frame), MaxHeader)
	}
	return frame, err
}

// DecodeHeader parses a frame as a Header and checks its version and kind.
func DecodeHeader(frame []byte) (Header, error) {
	var h Header
	if len(frame) > MaxHeader {
		return h, fmt.Errorf("header of %d bytes exceeds %d", len(frame), MaxHeader)
	}
	if err := Unmarshal(frame, &h); err != nil {
		return h, fmt.Errorf("header: %w", err)
	}
	if h.Version != Version {
		return h, fmt.Errorf("bus protocol version %d, want %d", h.Version, Version)
	}
	if h.Kind < Hello || h.Kind > Unsubscribe {
		return h, fmt.Errorf("unknown message kind %d", h.Kind)
	}
	return h, nil
}
