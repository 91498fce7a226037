// Package zmqpub is a ZeroMQ PUB socket for subscribers that are not ours.
//
// A Publisher serves ZMTP 3 (RFC 23, RFC 37) to any number of SUB and XSUB
// sockets on one address. The handshake is that of internal/zmtp/null; frames
// are read and written here, because every size must be checked before it is
// believed and every subscriber needs a queue of its own.
//
// # Guarantees
//
//   - Publish never blocks. What a subscriber did not ask for is not queued;
//     what it does not take in time is dropped for it alone, and counted. Its
//     queue is bounded in messages (the high-water mark) and in bytes.
//   - A client that is silent, slow or malformed delays nobody: it is
//     handshaken in a goroutine and within a deadline of its own.
//   - A subscriber may send frames of at most 257 bytes and hold at most 1024
//     subscriptions.
//   - Subscriptions are understood as messages and as commands (ZMTP 3.1),
//     and a PING is answered by the one writer of the connection.
//
// # Ownership
//
// New starts nothing. Run owns the listener, accepts, and joins a reader and
// a writer for each subscriber. Patience runs on real time.
package zmqpub
