// Package script verifies the scripts of transactions with btcsuite's engine:
// all inputs of a block in parallel, each result remembered so that a block
// need not repeat what the mempool did.
//
// A Verifier may be used by several goroutines. Verify starts goroutines and
// joins them before it returns; the package has no other and reads no clock.
// Texts of errors are Bitcoin Core's (src/script/script_error.cpp).
package script
