// Package ledger knows which transactions concern a wallet and where they
// stand, and computes from that its coins, balances and conflicts.
//
// It is pure, and knows nothing of keys or descriptors: a function tells it
// which scripts are the wallet's. The owner of a Ledger serialises the
// access to it and stores what changed.
//
// # Two facts a transaction
//
// Chain and mempool are followed separately, and what one of them says never
// overwrites the other: Block is where the chain that the wallet has scanned
// holds the transaction, Pool is what the node last said of its mempool. So it
// does not matter whether a reorganisation or the return of its transactions
// to the mempool is heard of first.
//
// # What counts
//
//   - A confirmed transaction counts. So does one in the mempool, unless what
//     is confirmed excludes it (it is dead): a confirmed transaction spends one
//     of its inputs, or it descends from a dead transaction or from a coinbase
//     whose block has left the chain.
//   - The outputs of a transaction that counts are coins.
//   - An output is spent if a transaction spends it that counts, or that could
//     come back: one that is known, neither dead nor abandoned, and has no rival
//     in the mempool. Paying with such a coin could pay twice (as Bitcoin Core,
//     wallet.cpp, CWallet::IsSpent).
//
// A transaction is kept for ever once it was seen.
package ledger
