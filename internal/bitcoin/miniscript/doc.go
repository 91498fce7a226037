// Package miniscript recognises miniscript (BIP379) in witness scripts and writes it out,
// as it stands in wsh() of a descriptor. What is sane, and which of several forms is
// written, are as in Bitcoin Core (src/script/miniscript.h).
//
// It parses no text and satisfies nothing. A script with the hash of a public key (pk_h)
// is not recognised, because the key is not in it. It is pure.
package miniscript
