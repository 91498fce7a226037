package transport

// Protocol is how a connection is framed. The text is Bitcoin Core's.
type Protocol string

// The protocols. Of a connection that may be encrypted it is not known before the
// peer has proven that it has the same keys.
const (
	Detecting Protocol = "detecting"
	V1        Protocol = "v1"
	V2        Protocol = "v2" // BIP324
)

// Session is what has been agreed on with a peer.
type Session struct {
	Protocol Protocol
	// ID is the same 32 bytes for both ends of an encrypted connection, if nobody
	// is in between; nil for others.
	ID []byte
}
