// Package script verifies the scripts of transactions: all inputs of a block
// in parallel, each result remembered so that a block need not repeat what the
// mempool did.
//
// Inputs with a single signature in one of the common forms (P2PKH, P2WPKH,
// P2SH-P2WPKH, P2TR key path) are accepted by themselves if they are valid, all
// others by package interpreter; fuzz tests hold both against btcsuite's engine
// with the rules of every era. Signatures are verified by package signature.
//
// The interpreter does not refuse alone what a block may contain: btcsuite's
// engine has to agree. If it does not, the input is accepted, and who made the
// Verifier is told, because one of the two is wrong.
//
// A Verifier may be used by several goroutines. Verify starts goroutines and
// joins them before it returns, VerifyTx starts none; the package has no other and
// reads no clock.
// Texts of errors are Bitcoin Core's (src/script/script_error.cpp).
package script
