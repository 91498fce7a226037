package secure

import (
	"fmt"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

// maxInnerReady bounds the READY of the inner side: a type, an identity and
// little else.
const maxInnerReady = 1024

// innerOpening is what the inner side reads first: the greeting of a NULL
// peer and a READY with the metadata of the real one.
func innerOpening(peer metadata) []byte {
	body := zmtp.AppendCommand(nil, "READY", peer.raw)
	opening := zmtp.AppendHead(greeting("NULL", 1, false), zmtp.Command, len(body))
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
	name, raw, _ := zmtp.SplitCommand(body)
	if string(name) != "READY" || flags != zmtp.Command {
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
