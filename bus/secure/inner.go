package secure

import (
	"bytes"
	"fmt"
)

// maxInnerReady bounds the READY of the inner side: a type, an identity and
// little else.
const maxInnerReady = 1024

// innerOpening is what the inner side reads first: the greeting of a NULL
// peer and a READY with the metadata of the real one.
func innerOpening(peer metadata) []byte {
	body := append(commandName("READY"), peer.raw...)
	opening := appendHead(greeting("NULL", 1, false), flagCommand, len(body))
	return append(opening, body...)
}

// checkInnerGreeting checks the first 64 bytes that the inner side writes.
func checkInnerGreeting(g []byte) error {
	if err := checkGreeting(g, "NULL"); err != nil {
		return &Error{ErrConfig, "the inner side's greeting", err}
	}
	return nil
}

// checkInnerReady checks that the inner side is what the handshake announced.
func checkInnerReady(flags byte, body []byte, socketType string) error {
	raw, ok := bytes.CutPrefix(body, commandName("READY"))
	if !ok || flags != flagCommand {
		return &Error{Kind: ErrConfig, Detail: "the inner side's first frame is not READY"}
	}
	meta, err := parseMetadata(raw)
	if err != nil {
		return &Error{ErrConfig, "the inner side's READY", err}
	}
	if got := meta.get(propSocketType); got != socketType {
		return &Error{Kind: ErrConfig, Detail: fmt.Sprintf("the inner side is a %s, %s was announced", got, socketType)}
	}
	return nil
}
