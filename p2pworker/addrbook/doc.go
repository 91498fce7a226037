// Package addrbook is the core of the address book: which addresses the node
// has heard of, which have worked, and which to try next.
//
// It works as Bitcoin Core's address manager. An address heard of is new; one
// that a connection succeeded to is tried. Each of the two has a table of
// buckets, in which an address has few places, chosen by a secret key, the
// network group of who told us and its own: nobody can fill more than a small
// part of the book with what they say, nor aim at the places of others. A
// place is taken from who holds it only if that one is of less use; among the
// tried, only if it does not work any more (Resolve). Which addresses are
// chosen depends on random numbers handed in, never on order of arrival.
//
// The package reads no clock, no file and no randomness: now and random are
// arguments, Encode and Decode work on bytes (Bitcoin Core's peers.dat and
// anchors.dat). A Book is used by one goroutine at a time.
package addrbook
