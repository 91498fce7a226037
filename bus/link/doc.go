// Package link carries multipart messages over one connection with ZMTP 3
// (ZeroMQ RFC 23). The handshake is that of internal/zmtp/null; frames are read
// and written here, where limits can be enforced before anything is allocated.
//
// Guarantees:
//   - A frame, a message or a number of frames over the limit ends the link
//     before memory is reserved for it. On the broker's side the memory of a
//     large message is taken as its bytes arrive.
//   - The outbound queue is bounded in messages and in the memory that it holds.
//     Send never waits and never writes: it reports ErrFull, or tells its caller
//     to Flush, which does not wait for the peer either. SendWait waits for room
//     until its context ends.
//   - Messages leave in the order in which they were accepted.
//   - Forward passes a message on as the bytes it came in; large content is
//     shared by all links that it is queued on.
//   - A peer that does not finish the handshake in time is dropped. A silent one
//     is pinged.
//   - An idle link over a descriptor holds one goroutine and a timer: no buffer,
//     and no writer.
//
// New starts nothing. Run performs the handshake, reads in the calling
// goroutine, and joins the writer, which runs while a peer is slower than those
// who send to it. The link owns its net.Conn from New on and closes it when Run
// returns. A connection that is not a descriptor, such as an encrypted one,
// always has the writer write.
package link
