// Package follow decides how a wallet keeps up with its node: what to ask, in
// which order, and what the answers mean for the wallet's transactions.
//
// It is pure: Step takes what has happened and returns what is to be done. The
// shell asks the node, writes the disk, and waits.
//
// # What is followed
//
// Chain and mempool are two facts about a transaction (see package ledger), and
// each has one source: scans of the chain, and the node's list of the mempool
// with the events after it. Events and scans may overtake each other; the
// result is the same.
//
//   - A scan begins at the fork of the chain that the wallet knows and the
//     node's. What was confirmed above it is taken back.
//   - What a block may have taken from the mempool, or the chain's
//     reorganisation from a block, counts until a scan that began afterwards
//     has ended.
//   - A list replaces what was known of the mempool; events that are newer than
//     it are applied again.
//
// # What is left to do
//
// There is one request under way at a time. When it ends the next is chosen:
// telling the node scripts, scanning, listing the mempool, and sending the
// wallet's own payments that are nowhere. A new node, or lost events, make all
// four necessary. If a payment uses a key that makes the wallet watch more
// scripts, the scan starts again with these, before that payment's block.
//
// # What is stored
//
// The position on disk is never above a block whose transactions are not
// there, nor above a fork below which confirmations were taken back: Save
// effects are written in their order, and after a crash between two of them the
// next scan finds what is missing.
package follow
