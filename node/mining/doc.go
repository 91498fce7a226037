// Package mining puts blocks together: it chooses transactions by the fee rate
// of what must come along with them, builds the coinbase byte for byte as
// Bitcoin Core does, and searches for a nonce.
//
// Everything it needs to know of chain, mempool and time is an argument. It
// holds no state and starts nothing.
package mining
