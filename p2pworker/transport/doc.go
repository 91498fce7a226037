// Package transport frames Bitcoin P2P messages over a connection.
//
// A Conn turns a net.Conn into a sequence of messages in and a bounded queue
// of messages out. It knows the message header, the limits on it and the
// names that are counted; it does not know what a message means: unknown
// types pass through, and payloads are opaque bytes.
//
// # Guarantees
//
//   - A header is checked (magic, length) before its payload is allocated, and
//     a large payload is allocated in full only after its first part arrived:
//     24 bytes from a stranger never cost megabytes.
//   - A message with a wrong checksum or a malformed type is dropped and
//     reported by a *HeaderError with Fatal false: the connection goes on, as
//     with Bitcoin Core. Wrong magic and oversized messages are fatal.
//   - Send never blocks. Beyond SendSoftLimit the Conn is Congested, and the
//     owner is expected to stop producing until Drained fires; beyond
//     SendHardLimit Send refuses.
//   - Bytes are counted per message type, header included; types outside the
//     protocol's list are counted together as "*other*".
//
// # Ownership
//
// New starts nothing. Receive is called by one reader at a time; Run is the
// one writer and returns when its context ends, the connection fails or Close
// is called. The clock is a function handed in. BIP 324 can be added as a
// second framing beside v1.go: Conn depends on the framing interface only.
package transport
