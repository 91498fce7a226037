// Package ship puts a whole node together: it takes the data directory, opens
// the listening sockets, starts the broker and every compartment, serves the
// commands that concern the whole (stop, uptime, getcompartments), and ends
// all of it in order. RunRemote runs one part alone, for a node on another
// machine, and Keygen makes the key that it needs.
//
// Order of the end: first the node is halted, after which nothing is committed
// any more. Then these end: the gateway (after its last answers), links from
// outside, workers, peers and wallets, the node, the notifier. Then the pid file
// and the cookie are removed. If the data directory is gone, none of them is
// waited for long, and Run fails. An error of Run is for the user to read;
// everything else is in debug.log.
//
// The node is ready, once and for good, when each role that it needs has been
// on the bus and the wallets are loaded: see readiness.
//
// Run and RunRemote own every goroutine they start and join them.
package ship
