// Package mempool holds the transactions that wait for a block, and decides
// which may: consensus rules for the next block, standardness, fees, limits on
// clusters of related transactions, replacement, eviction and expiry. Reject
// reasons are Bitcoin Core's.
//
// Transactions whose inputs are unknown are not kept: Accept fails with
// consensus.MissingInputs and the sender's side decides what to do.
//
// One goroutine at a time may change the pool (Accept, BlockConnected, Reorg,
// Prioritise, Limit); what they have done is returned as events, for the caller to
// pass on. Queries may come from anywhere. The package starts no goroutine but those of the script
// verifier, and reads no clock: the time is part of Tip.
package mempool
