// Package addrbook is the core of the address book: which addresses the node
// has heard of, which have worked, and which to try next.
//
// An address heard of is new; one that a connection succeeded to is tried.
// The number of addresses is bounded, in all and for what one network group
// may contribute, so that nobody can fill the book alone; when a bound is
// reached, the address with the least promise of a random sample makes room.
// Which addresses are chosen depends on random numbers handed in, never on
// order of arrival.
//
// The package reads no clock, no file and no randomness: now and random are
// arguments, Encode and Decode work on bytes (Bitcoin Core's peers.dat).
// A Book is used by one goroutine at a time.
package addrbook
