// Sync times how long nodes take to sync chains.
//
//	go -C bench run ./sync [-chain=payments|mainnet] [-kinds] [-mempool] [-compact] [-layouts] [-scale=1] [-rounds=1] [-run=REGEXP] [-bitcoind=PATH] [-cache=DIR]
//
// It runs in the folder bench: paths in its flags start there.
//
// It makes regtest chains once, from a seed, and keeps them in the user's cache
// folder. A process of its own serves a chain over the P2P protocol. Each node
// syncs from it into an empty folder, all in one run, one after the other; the
// program asks it over RPC how far it is, prints a table with the ratios, and
// checks that all ended on the same block, and those that tell on the same set
// of coins.
//
// Scales below 1 make smaller chains of the same shape, for trying things.
//
// # The chains
//
// All begin with empty blocks, whose rewards are spent later, and end with empty
// blocks that bury the others. Without flags, payments and mainnet are measured
// one after the other.
//
//   - payments: so many payments a block, 70 % P2WPKH and 30 % P2TR by the key
//     path, with inputs drawn at random from all coins.
//   - mainnet: blocks up to a weight (4 MWU at scale 1) of payments with all
//     kinds of outputs, in shares like mainnet's (see mix), with batches,
//     consolidations and OP_RETURN outputs. A fifth of them spend an output of
//     the same block, in chains.
//   - With -kinds, a chain for each kind of output instead, and one without
//     inputs: blocks that split rewards into coins of that kind, a day of empty
//     blocks for relative lock times, and blocks that spend them. Each has as
//     many blocks and inputs of its kind as the others, 20,000 at scale 1.
//     What is spent goes to P2WPKH, so that what is spent is the difference.
//
// The kinds are P2PKH, bare multisig, P2SH multisig, P2SH-P2WPKH, P2WPKH, P2WSH
// multisig, to_local and HTLC outputs of Lightning (BOLT 3), P2TR by the key
// path, by a leaf with CHECKSIG, by one with CHECKSIGADD, and by the envelope of
// an inscription. Three of a hundred ECDSA signatures leave outputs or inputs
// open (SINGLE|ANYONECANPAY, NONE), beside those of HTLCs.
//
// # Mempools
//
// With -mempool, no sync is measured but how fast a running node takes transactions.
// It is shown a chain up to blocks that split rewards into coins of P2WPKH. Then
// eight peers hand over what the next blocks hold, 40,000 payments at scale 1 that
// spend one coin each and nothing of each other, unasked and as fast as the node reads.
// Time runs from the first to the answer of getmempoolinfo, asked every 10 ms, that
// counts them all; CPU time is that of the node's processes between the two. btcd is
// left out.
//
// # Compact blocks
//
// With -compact, the mempool is fed likewise, but for ten payments of every other block.
// Then a peer brings these blocks as compact ones (BIP152), whose first lets it be asked for
// the next without an announcement and is not counted. Shown is how long it takes from the
// message until another peer, which asked for that, has the compact block, and until a
// client in waitforblock is answered: apart for blocks of which all payments are in the
// mempool, and for those of which some have to be asked for.
//
// # Layouts
//
// With -layouts, the first chain is synced from one peer and from three, each a process,
// by bulkhead in one process, with one worker, four, and one a peer, and by bitcoind. Every
// 100 ms it is asked what was received (getnettotals); of every second, beginning at any of
// these samples, from the first that brought a MB to the one by which 99 % of the blocks'
// bytes were there, the lowest is shown beside the median. Another peer sends a ping every
// 10 ms, or when the pong to the one before has come, in the sync and for 10 s after.
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
//   - Of each kind, CPU time an input is what its chain takes beyond the one
//     without inputs.
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
