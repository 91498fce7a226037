// Package link carries multipart messages over one connection with ZMTP 3
// (ZeroMQ RFC 23). It is the bus's door to go-zeromq: the greeting and the
// security handshake are zmq4's, the framing after it is read and written
// here, where limits can be enforced before anything is allocated.
//
// Guarantees:
//   - A frame, a message or a number of frames over the limit ends the link
//     before memory is reserved for it.
//   - The outbound queue is bounded in messages and in bytes. Send never
//     blocks: it reports ErrFull. SendWait waits for room until its context
//     ends.
//   - Messages leave in the order in which they were accepted. One writer
//     coalesces them and flushes when the queue is empty.
//   - A peer that does not finish the handshake in time is dropped.
//
// New starts nothing. Run performs the handshake, starts the writer, reads in
// the calling goroutine and joins both before it returns. The link owns its
// net.Conn from New on and closes it when Run returns.
package link
