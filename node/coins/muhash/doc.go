// Package muhash hashes a set, such as the UTXO set, so that elements can be
// added and removed in any order: MuHash3072 as Bitcoin Core computes it for
// gettxoutsetinfo.
//
// An element is turned into a number below 2^3072 by ChaCha20 keyed with its
// SHA-256; the set is the product of its elements modulo the prime 2^3072 -
// 1103717, kept as a fraction so that removal needs no inversion until the end.
//
// The package has no state but that of a Set, which is not safe for concurrent
// use.
package muhash
