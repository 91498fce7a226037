// Package script verifies the scripts of transactions: all inputs of a block
// in parallel, each result remembered so that a block need not repeat what the
// mempool did.
//
// btcsuite's engine has the last word. Inputs with a single signature in one of
// the common forms (P2PKH, P2WPKH, P2SH-P2WPKH, P2TR key path) are accepted
// without it if they are valid; a fuzz test holds that against the engine with
// the rules of every era. Signatures of those are verified by package
// signature.
//
// A Verifier may be used by several goroutines. Verify starts goroutines and
// joins them before it returns; the package has no other and reads no clock.
// Texts of errors are Bitcoin Core's (src/script/script_error.cpp).
package script
