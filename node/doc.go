// Package node is the process that owns the block chain: it stores and
// validates blocks, keeps the UTXO set and the mempool, assembles blocks, and
// answers everybody else's questions about them over the bus. It touches its
// part of the data directory and no network.
//
// The decisions are made by the cores below it: chain, mempool, mining, index,
// download. This package serves the bus and JSON-RPC, publishes events in one
// total order, and keeps the log.
//
// # Ownership
//
// Whoever changes chain or mempool holds the owner's token, one at a time, in
// the order of arrival as far as a channel gives it. Blocks are parsed and
// checked without it, by as many callers as there are. Queries about the chain
// look at snapshots and never wait for the token.
//
// Run opens files and databases, serves until its context ends, and then
// writes everything out: when it returns, nothing is changed any more. Its
// goroutines, which follow links, flush from time to time, and move the optional
// indexes and a loaded set's history along the chain, are joined before. The time
// that rules see is the part's clock; flushes go by real time.
//
// # Loaded UTXO sets
//
// loadtxoutset fills a second folder of coins, chainstate_snapshot, which counts
// from when the file base_blockhash is in it, and is deleted at the next start if
// that is missing. The chain goes on in it; the first folder is where the blocks
// that led to it are verified in the background. When both sets are found to be
// the same, indexes and wallets, which had followed the verified chain, go on
// too; at the next start, the second folder takes the place of the first. If
// they differ, the node ends and the folder is put aside.
package node
