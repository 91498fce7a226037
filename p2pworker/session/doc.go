// Package session is the deterministic core of one P2P connection: what to
// answer, what to ask the node, when to disconnect.
//
// A Session consumes inputs (a message, a tick, a reply, an announcement) and
// returns effects (send, request, disconnect, log). It starts no goroutine,
// performs no I/O, reads no clock and draws no random numbers: now comes with
// each Step, randomness is a function handed in. The same inputs give the
// same effects, so a recorded trace is a test.
//
// # Time
//
// Due says when a Tick has something to do, if time alone brings that about. Until
// then none is needed.
//
// # Order
//
// Messages of the peer are handled in order. A message that needs the node
// suspends the ones behind it until the reply arrives, so that the pong that
// answers a ping tells that everything before it has been processed wholly.
// Blocks are the exception among themselves: up to MaxSubmissions may be with
// the node at once; anything that is not a block waits for all of them.
//
// # Bounds
//
// Messages that wait are bounded by MaxHeldBytes and MaxHeldMessages: the
// shell must not deliver another one while Full reports true, and with that
// stops reading the socket. Every list that a peer can grow (announced
// transactions, known inventory, addresses, blocks in flight, compact blocks that
// wait for transactions) has a limit.
//
// # Ownership
//
// The caller owns goroutines, clock, randomness and I/O, and performs the
// requests; each must be answered by exactly one Reply, with Err set if it
// failed. A Session is used by one goroutine. Log texts follow Bitcoin Core.
package session
