// Package message signs texts with the key of a P2PKH address and verifies such
// signatures, as Bitcoin Core does (src/common/signmessage.cpp). BIP322 calls the
// form legacy.
//
// A signature is 65 bytes: a header that tells which of the possible public keys
// signed and whether it is compressed, then r and s, big-endian. What is signed is
// the double SHA256 of a fixed line and the text, each after its length as a
// variable length integer.
//
// It is pure and keeps nothing; the caller wipes the key.
package message
