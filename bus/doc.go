// Package bus is how the parts of Bulkhead talk: typed request/reply methods
// and publish/subscribe topics over ZeroMQ links, routed by one broker.
//
// A method is declared once, in package msg, and used by both sides:
//
//	var GetBlock = bus.Method[GetBlockRequest, GetBlockReply]("node.chain.getblock")
//
//	reply, err := msg.GetBlock.Call(ctx, conn, msg.GetBlockRequest{Hash: hash}) // caller
//	msg.GetBlock.Handle(mux, func(ctx context.Context, req msg.GetBlockRequest) (msg.GetBlockReply, error) {
//		...
//	}) // server
//
// A topic likewise:
//
//	var BlockConnected = bus.Topic[BlockConnectedEvent]("node.chain.connected")
//
//	err := msg.BlockConnected.Publish(ctx, conn, event)
//	sub, err := conn.Subscribe(ctx, msg.BlockConnected.Name())
//	event, err := sub.Next(ctx)
//	connected, err := msg.BlockConnected.Decode(event)
//
// Request, reply and event types are structs with integer CBOR keys
// (`cbor:"1,keyasint"`). One that embeds Frames also carries raw byte frames
// beside its CBOR body: blocks and transactions travel there.
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
//     gone.
//   - Messages of one link arrive in order. Handlers run concurrently, at most
//     Config.Handlers at a time; beyond that calls are refused as overloaded.
//   - A subscription is one bounded queue over all its prefixes, in the order of
//     publication. When it overflows, events are dropped and the next one says
//     in Gap how many.
//   - Nothing here reconnects: when a Conn's Run returns, the part is adrift.
//
// # Ownership
//
// New starts nothing. Conn.Run serves the link in the calling goroutine, runs
// handlers in goroutines of its own and joins all of them before it returns.
package bus
