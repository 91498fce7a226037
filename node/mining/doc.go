// Package mining puts blocks together: it says what a block may hold, builds the coinbase
// byte for byte as Bitcoin Core does, and searches for a nonce. Which transactions earn
// most the mempool knows.
//
// Everything it needs to know of chain, mempool and time is an argument. It
// holds no state and starts nothing.
package mining
