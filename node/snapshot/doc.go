// Package snapshot keeps the UTXO sets on disk: it opens the chain's, loads one
// from a file (loadtxoutset), writes one to a file (dumptxoutset), and verifies
// the past of a loaded one.
//
// # Loaded UTXO sets
//
// Load fills a second folder of coins, chainstate_snapshot, which counts from
// when the file base_blockhash is in it, and is deleted at the next start if that
// is missing. The chain goes on in it; the first folder is where the blocks that
// led to it are verified, by Run. When both sets are found to be the same, indexes
// and wallets, which had followed the verified chain, go on too; at the next
// start, the second folder takes the place of the first. If they differ, Run fails
// and Close puts the folder aside.
//
// # Ownership
//
// Files are read and written by their callers' goroutines; the chain is changed
// through its Owner. Which blocks a dump still needs is told by PruneLock.
package snapshot
