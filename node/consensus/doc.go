// Package consensus holds the rules of Bitcoin that can be stated about one
// block or one transaction: parsing, hashing, merkle roots, proof of work,
// signature operations, lock times, amounts, and the parameters of each chain.
//
// What needs the tree of headers or the UTXO set gets the facts as arguments;
// which of them apply is decided in package chain.
//
// A broken rule is a *Reject with Bitcoin Core's reject reason. The package
// holds no state, starts nothing and reads no clock.
package consensus
