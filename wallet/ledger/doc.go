// Package ledger keeps a wallet's books: which transactions concern it, where
// they stand, and what follows for coins and balances.
//
// It is pure. Inputs are transactions with their place (a block, the mempool,
// nowhere) and the blocks that left the chain; output is what the books say.
// Whoever owns a Ledger serialises the access to it and stores what changed.
//
// Invariants: a transaction is kept for ever once it was seen; an output
// counts as spent if a transaction that is confirmed or in the mempool spends
// it; of two conflicting transactions a confirmed one wins.
package ledger
