// Package roster is the decision core of connection management: which
// connections there are, which are wanted, which worker makes them, who may
// come in and who has to go.
//
// A Roster consumes what happened (a worker came or went, a connection opened
// or closed, time passed) and returns Orders: what a worker has to do. It
// performs no I/O and reads no clock; now is an argument. It does not choose
// addresses: Wanted tells how many automatic connections are missing, and the
// caller, who has the address book, asks for them with Dial. Which of those that
// there are is dropped for another depends on Merits that it is told.
//
// # Guarantees
//
//   - Peer numbers are given to connections that are open, in sequence from 0,
//     and never twice; a dial that fails uses none.
//   - A worker that is gone takes its connections with it, and the dials it
//     had not finished go to another.
//   - A dial of which its worker tells nothing for so long has failed: its slot is
//     free, and a late success is refused.
//   - A worker never gets more connections than its capacity.
//   - Dials go to the worker with the fewest connections. Workers of limited
//     capacity are one pool there, so that a worker without limit, which may be
//     on another machine, has its share beside them; and what one could not
//     reach, another tries next.
//   - A connection that was to be encrypted and whose peer cannot is dialled again
//     without that at once, and once: nobody gets its slot in between.
//   - Configured targets are dialled for as long as they are configured, with
//     growing pauses while they fail.
//
// A Roster is used by one goroutine at a time; the caller owns goroutines,
// clock and the bus.
package roster
