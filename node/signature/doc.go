// Package signature verifies signatures on secp256k1: ECDSA (SEC 1) and
// Schnorr (BIP340). It is the node's one door to a curve: pure Go by default,
// the libsecp256k1 of the system with the build tag libsecp256k1.
//
// Both accept the same: what is not encoded as the functions say is not
// accepted, whatever a lenient parser might make of it.
//
// In pure Go two libraries look at a signature before it is refused, the
// faster one first: a fault of its arithmetic would not part the node from the
// network.
//
// The functions may be called by several goroutines. They keep nothing, start
// nothing and read no clock.
package signature
