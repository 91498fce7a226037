// Package mempool holds the transactions that wait for a block, and decides
// which may: consensus rules for the next block, standardness, fees, limits on
// clusters of related transactions, replacement, eviction and expiry. Reject
// reasons are Bitcoin Core's.
//
// Transactions whose inputs are unknown are not kept: Accept fails with
// consensus.MissingInputs and the sender's side decides what to do.
//
// # Three steps
//
// Accept is made of steps, so that scripts, which cost most, need neither the
// pool nor the chain to stand still: Propose verifies all but them, Verify runs them,
// and Commit adds the transaction, after another look if something has changed in
// between. What was spent is compared with what was verified: scripts are never
// taken for valid on anything else.
//
// # Concurrency
//
// One goroutine at a time may change the pool (Commit, Accept, BlockConnected,
// Reorg, Prioritise, Limit); what they have done is returned as events, for the
// caller to pass on. Propose, Verify and queries may come from anywhere. Coins are
// looked up while the pool is not locked, but for Reorg. The package starts no
// goroutine, and reads no clock: the time is part of Tip.
package mempool
