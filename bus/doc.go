// Package bus is how the parts of Bulkhead, and programs of others, talk:
// typed request/reply methods, streams and publish/subscribe topics over
// ZeroMQ links, routed by one broker.
//
// A method, a stream or a topic is declared once and used by both sides; the
// product's own are in package msg. See the example.
//
//	var GetBlock = bus.Method[GetBlockRequest, GetBlockReply]("node.chain.getblock")
//	var Tip = bus.Topic[TipEvent]("node.tip")
//
// Request, reply, item and event types are structs with integer CBOR keys
// (`cbor:"1,keyasint"`). One that embeds Frames also carries raw byte frames
// beside its CBOR body: blocks and transactions travel there, uncopied.
//
// A service fills a Mux with handlers and gives it to New, or to NewDialing
// if it is to find its way back after the broker's restart; a mere client
// needs no Mux. Run serves the link. Call asks any instance that offers a
// method, each in turn; CallAt asks one of them.
//
// # Errors
//
// A failed call returns an *Error, whose Kind tells apart: no such service
// (at once, never a time-out), service gone while the call was in flight,
// deadline, denied by the rights table, overloaded, bad message, closed
// connection, and the handler's own kinds. Compare with errors.Is and the
// Err variables.
//
// # Guarantees
//
//   - Every call has a deadline: the context's, or DefaultDeadline. The handler
//     gets it in its context, which is cancelled when the caller gives up or is
//     gone. A stream has one only if the context of Open has.
//   - Messages of one link arrive in order. Handlers run concurrently, at most
//     Config.Handlers at a time; beyond that calls are refused as overloaded.
//   - A stream's server sends no more than its reader has given credit for: a
//     reader that stops reading stops the server.
//   - A subscription is one bounded queue over all its prefixes, in the order of
//     publication. When it overflows, here or at the broker, events are dropped
//     and the next one says in Gap how many.
//   - While there is no link, calls fail with ErrClosed at once. A Conn made by
//     NewDialing restores what it offers and hears when there is one again, and
//     tells each subscription with an event of topic Restored.
//   - Drain loses nothing: no new calls are taken in, those that run are
//     answered, and what is queued is flushed before the link is closed.
//
// # Ownership
//
// New and NewDialing start nothing. Conn.Run serves the link in the calling
// goroutine, runs handlers in goroutines of its own and joins all of them
// before it returns.
package bus
