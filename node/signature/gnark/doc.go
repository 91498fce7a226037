// Package gnark verifies signatures and tweaks with the arithmetic of
// gnark-crypto, for package signature, which says what they are like and in which
// of its builds this has a word.
//
// The functions may be called by several goroutines. They start nothing and keep
// half a megabyte of multiples of the generator.
package gnark
