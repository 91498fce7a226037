// Package sam asks an I2P router for connections to peers, by the version 3.1 of its
// SAM protocol (https://geti2p.net/en/docs/api/samv3).
//
// A router makes connections for a session, which has an address of its own on the
// network and lives as long as the connection that it was created with. A session
// here is transient and for one peer: no two peers see the same address.
//
// Replies are lines of at most maxLine bytes. Nothing is read beyond the line that
// opens a stream: what follows is the peer's. The caller sets deadlines.
package sam
