// Package coins is the UTXO set: a write-back cache over a key-value store,
// the serialisations of coins and undo data, and statistics of the whole set.
//
// # The cache
//
// A block's effects are collected in a View and committed at once. A coin that
// is created and spent between two flushes never reaches the store.
//
// A flush is not atomic in the store, so it is made so by markers: before the
// first coin is written, the store says "between A and B"; after the last it
// says "B". Open tells which; the owner of the blocks repeats the steps from A to
// B with a replaying View, which may overwrite and may spend what is already
// spent. If a flush to C was interrupted on the way, the steps go by way of C.
//
// Memory has three layers, each of which overrides those below: what changed since
// the last flush began, what that flush writes, and what is such as the store has it.
// The first two cannot be given back before they are written; Trim gives back the
// third. While a flush is written, the set may change.
//
// # Concurrency
//
// One goroutine at a time may change the set: Commit, Flush, BeginFlush and Trim.
// Flush.Write may be called beside it by another. Get,
// Prefetch and Snapshot may be called from anywhere at any time and do not wait
// for the store to write. The goroutines that Prefetch starts end before it
// returns. The package reads no clock.
//
// # Formats
//
// WriteSet and ReadSet are for files with a whole set as Bitcoin Core's
// dumptxoutset writes them. Undo data is Bitcoin Core's CBlockUndo. Coins in the
// store are keyed by "C", the txid and the output's number, with Core's compressed
// amounts and scripts, except that uncompressed public keys stay whole: unpacking
// those costs a square root.
package coins
