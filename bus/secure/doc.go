// Package secure lets the bus cross a network: its Conn is a net.Conn that
// speaks ZMTP 3.1 with the CURVE mechanism outward (ZeroMQ RFC 23, 25, 26)
// and ZMTP 3 with NULL inward, so that a ZMTP implementation which knows only
// NULL runs over it unchanged. libzmq is the peer it is tested with.
//
// Guarantees:
//   - Nothing from the inner side leaves before the peer has proven its key:
//     the server's key is the one configured, the client's has been vouched
//     for and accepted by ServerConfig.Authorize.
//   - Every frame, commands such as PING included, travels in a MESSAGE of its
//     own. One that was changed, repeated or reordered ends the connection.
//   - Sizes are checked before memory is reserved. A large frame's memory
//     grows as its bytes arrive.
//   - What the peer said of itself in INITIATE or READY is what the inner side
//     reads in the NULL READY, byte for byte.
//   - Errors that the peer caused are *Error with a stable Kind.
//
// Server and Client start nothing and touch nothing. The first of Handshake,
// Read and Write performs the handshake in the calling goroutine, bounded by
// the configured time; no goroutine outlives a call. Conn owns the net.Conn it
// was given and closes it with itself and on any error that the peer caused.
// Deadlines are the outer connection's. A write that did not get out whole
// leaves the stream unusable, as with TLS.
//
// Secrets are wiped when they are no longer needed, as far as Go allows:
// ephemeral keys after the handshake, the connection's key on Close. Copies
// that the compiler or crypto packages make on the stack are out of reach.
//
// Key files have the format of CZMQ's and pyzmq's certificates. Only they
// touch the disk.
//
// Non-goals: ZAP (RFC 27), key distribution, revocation of open connections,
// and hiding the length and timing of frames, which CURVE does not do either.
package secure
