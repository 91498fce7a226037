package zmtp

import "fmt"

// AppendName appends a name, or another text of at most 255 bytes, as commands
// hold them: its length in 1 byte, its bytes (RFC 23, "Framing").
func AppendName(b []byte, name string) []byte {
	return append(append(b, byte(len(name))), name...)
}

// AppendCommand appends the body of a command to b: its name of at most 255
// bytes, its data (RFC 23, "Framing"). The frame's head is not part of it.
func AppendCommand(b []byte, name string, data []byte) []byte {
	return append(AppendName(b, name), data...)
}

// SplitCommand takes the name off the body of a command, or off another text as
// AppendName writes it. Both results are parts of body. It is not ok if body is
// empty or ends within the name.
func SplitCommand(body []byte) (name, data []byte, ok bool) {
	if len(body) == 0 || len(body) < 1+int(body[0]) {
		return nil, nil, false
	}
	n := 1 + int(body[0])
	return body[1:n], body[n:], true
}

// Names of the commands of a heartbeat (RFC 37, "Connection Heartbeating").
const (
	NamePing = "PING"
	NamePong = "PONG"
)

const (
	ttlBytes   = 2
	maxContext = 16 // bytes
)

// Ping is the body of a PING with a time to live of zero, which asks for nothing
// but an answer, and without a context (RFC 37, "Connection Heartbeating").
func Ping() []byte { return AppendCommand(nil, NamePing, make([]byte, ttlBytes)) }

// Pong is the body of the PONG that answers a PING with the data ping: the PING's
// context, 0 to 16 bytes, behind a time to live of 2 bytes in network byte order,
// in tenths of a second (RFC 37, "Connection Heartbeating"). It is memory of its
// own. Data of another length is an error.
func Pong(ping []byte) ([]byte, error) {
	if len(ping) < ttlBytes || len(ping) > ttlBytes+maxContext {
		return nil, fmt.Errorf("malformed PING of %d bytes", len(ping))
	}
	return AppendCommand(nil, NamePong, ping[ttlBytes:]), nil
}
