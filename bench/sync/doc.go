// Sync times how long nodes take to sync a chain of ordinary payments.
//
//	go -C bench run ./sync [-scale=1] [-rounds=1] [-run=REGEXP] [-bitcoind=PATH] [-cache=DIR]
//
// It runs in the folder bench: paths in its flags start there.
//
// It makes a regtest chain once, from a seed, and keeps it in the user's cache
// folder: empty blocks, then blocks full of payments whose inputs are drawn at
// random from all coins, then empty blocks that bury them. A process of its own
// serves the chain over the P2P protocol. Each node syncs from it into an empty
// folder, all in one run, one after the other; the program asks it over RPC how
// far it is, prints a table with the ratios, and checks that all ended on the
// same block, and those that tell on the same set of coins.
//
// Scales below 1 make a smaller chain of the same shape, for trying things.
//
// # What is measured
//
//   - Time runs from the start of the process to the first answer that names
//     the last block. The database may hold less than that by then.
//   - CPU time and the peaks of memory are those of the node and all processes
//     it started, read at that moment. The peaks of several processes need not
//     have come at once, and memory that they share counts for each.
//   - The CPU time of the rest of the machine during a sync tells how much of
//     it others took: a sync beside busy neighbours is slower than it is.
//   - getblockchaininfo is asked every 10 ms, or at the next such moment when
//     an answer took longer. All but btcd keep the connection open for that.
//
// Every node gets 450 MiB of cache. All but btcd, which has no such setting, are
// told to take a tip of any age for current, as they would be near a live tip.
//
// # Ownership
//
// The program joins all processes that it starts, also when it is interrupted,
// and removes the nodes' folders. The serving process ends when its input does,
// and its sessions with it.
package main
