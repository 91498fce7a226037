// Package wallet is the role "wallet": one process keeps the list of wallets
// (the keeper), and one more runs for each wallet that is loaded.
//
// A wallet's process holds its keys, follows the chain by asking the node for
// the transactions of its scripts, and survives the node: when the node is
// back it tells it its scripts again, catches up from the last block it knows
// and sends its unconfirmed payments again. The node does not notice when a
// wallet dies; a wallet that comes back catches up in the same way. What to ask
// and what the answers mean is decided by package follow.
//
// # What commands see
//
// Before an answer that depends on the chain, the wallet asks the node for its
// tip and takes in everything published before that reply, so that a client that
// saw a block or a transaction elsewhere finds it here. If that takes more than ten
// seconds, because of a long scan or because the node is away or does not
// answer, the wallet is shown as it is, until it has caught up again;
// getwalletinfo tells how far a scan has come. Commands wait half a second then,
// and payments are refused.
// Addresses are handed out at any time.
//
// # Locks
//
// wallet.steps orders what is taken in and written to disk; wallet.mu guards
// memory. Neither is held over a call on the bus, and wallet.mu not over the
// disk: who reads waits for neither.
//
// # Ownership
//
// Run owns the goroutines that hear events, carry out one request to the node
// at a time and ask for tips, and joins them. The disk is written by package
// store only; settings.json by the keeper.
package wallet
