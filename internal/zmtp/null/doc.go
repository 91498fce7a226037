// Package null performs the handshake of ZMTP's mechanism NULL (ZeroMQ RFC 23).
// It is the one door to go-zeromq: the greetings, the READY commands and which
// socket types go together are zmq4's.
//
// zmq4 takes memory for whatever size a peer claims, reads as many frames as it
// announces, and slices its metadata without looking at lengths. Here the head of
// the peer's first command is read before zmq4 sees it, and a panic in zmq4 is
// the peer's malformed handshake.
//
// Handshake runs in the calling goroutine, starts none, and takes from its reader
// the bytes of the handshake and no more. The connection stays the caller's.
package null
