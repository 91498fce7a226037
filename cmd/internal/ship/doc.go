// Package ship puts a whole node together: it takes the data directory, opens
// the listening sockets, starts the broker and every compartment, serves the
// commands that concern the whole (stop, uptime, getcompartments), and ends
// all of it in order.
//
// Order of the end: the gateway (after its last answers), workers, peers,
// wallets, the node, the notifier. Then the pid file and the cookie are
// removed. An error of Run is for the user to read; everything else is in
// debug.log.
//
// Run owns every goroutine it starts and joins them.
package ship
