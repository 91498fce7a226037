// Package wallet is the role "wallet": one process keeps the list of wallets
// (the keeper), and one more runs for each wallet that is loaded.
//
// A wallet's process holds its keys, follows the chain by asking the node for
// the transactions of its scripts, and survives the node: when the node is
// back it tells it its scripts again, catches up from the last block it knows
// and sends its unconfirmed payments again. The node does not notice when a
// wallet dies; a wallet that comes back catches up in the same way.
//
// Before an answer that depends on the chain, the wallet asks the node for its
// tip and takes in everything published before that reply, so whoever saw a
// block or a transaction elsewhere finds it here.
//
// Run owns the goroutine that follows the chain and joins it. All state of a
// wallet is behind one lock; the disk is written by package store only.
package wallet
