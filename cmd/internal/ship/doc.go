// Package ship puts a whole node together: it takes the data directory, opens
// the listening sockets, starts the broker and every compartment, serves the
// commands that concern the whole (stop, uptime, getcompartments), and ends
// all of it in order. RunRemote runs one part alone, for a node on another
// machine, and Keygen makes the key that it needs.
//
// Order of the end: the gateway (after its last answers), links from outside,
// workers, peers, wallets, the node, the notifier. Then the pid file and the cookie are
// removed. An error of Run is for the user to read; everything else is in
// debug.log.
//
// Run and RunRemote own every goroutine they start and join them.
package ship
