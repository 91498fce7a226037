// Package p2pworker is the shell of a worker: the process that owns sockets
// to peers and nothing else.
//
// A worker registers with the manager of connections (role "peers"), fetches
// its orders by long poll, accepts connections on the listeners it inherited
// and dials when told to. Each connection is driven by a session core
// (package session) over a framed transport (package transport); what the
// session requests becomes calls to the node or to the manager.
//
// # Guarantees
//
//   - The end of the node or of the manager does not end a connection: calls
//     are repeated with growing pauses until they are answered, the worker
//     registers again, and the session syncs anew with a node that restarted.
//   - A peer that floods stalls itself: when a session's held messages are
//     full, or what we send it is not taken, its socket is not read.
//   - An order that arrives before the answer that admits its connection is kept for
//     it; a connection that a manager admitted whose successor does not know of it is
//     closed.
//   - Nothing is done where nothing is due: a session says when time alone gives it
//     something to do, and an idle connection costs next to nothing.
//   - A worker of capacity 1 ends, without an error, with its only connection.
//
// # Ownership
//
// Run blocks and joins every goroutine: one for orders, one for events, one a
// listener; a connection has one that runs its session, a reader, a writer,
// and one for each call in flight, of which the session bounds the number.
// The worker opens no file and starts no process. Sessions and timestamps run
// on the part's clock, which tests may freeze; patience runs on real time.
package p2pworker
