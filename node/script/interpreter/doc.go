// Package interpreter runs Bitcoin script: that of the first days with its
// faults, pay to script hash (BIP16), witness programs of version 0 (BIP141,
// BIP143) and taproot (BIP340, BIP341, BIP342), under the rules that flags
// select (BIP65, 66, 68, 112, 146, 147 and those of policy).
//
// What is valid, which check comes first and the text of every error are
// Bitcoin Core's (src/script/interpreter.cpp, src/script/script_error.cpp).
// Signatures are verified by package signature.
//
// # What is remembered
//
// A Tx keeps, from the first input that needs it: the inputs with empty scripts
// (41 bytes each, twice if a signature leaves the sequences of others open), the
// outputs' serialisation, a SHA256 state of 108 bytes for every 64 inputs, and
// eight hashes. That is less than three times the transaction's size without
// signatures.
//
// A run keeps six SHA256 states, one for each meaning of a hash type, together
// with the script code that they belong to: an input with many CHECKSIG of one
// script code hashes the transaction once for each meaning, whatever bits of the
// hash type have none. The states end with the run.
//
// Elements of the stack refer to scripts and witnesses. What opcodes make goes
// into chunks of 1024 bytes that are never written twice, so a thousand elements
// hold at most a megabyte.
//
// A Tx may be used by several goroutines. The package starts none, and reads no
// clock.
package interpreter
