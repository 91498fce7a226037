// Package p2p is the vocabulary of peers: what a worker asks and tells the node
// and the manager of connections on behalf of a peer, and what these tell it.
//
// It holds types only and imports nothing of the bus, so that the pure cores
// (p2pworker/session, p2pworker/roster) speak in them and nothing is copied from
// one form into another on the way. bus/msg has the methods and topics that carry
// them. Peer is the number that the manager gave to a connection.
//
// Integer keys are never reused for another meaning, and unknown ones are
// ignored. Hashes are in internal byte order.
package p2p
