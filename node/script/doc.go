// Package script verifies the scripts of transactions: all inputs of a block
// in parallel, each result remembered so that a block need not repeat what the
// mempool did.
//
// Scripts run in package interpreter, which fuzz tests hold against btcsuite's
// engine with the rules of every era. Signatures are verified by package signature;
// those of taproot key paths, which are all that such an input consists of, are
// collected and verified together where that takes less time.
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
