// Package chaintest helps to test what is built on chains: real mainnet blocks,
// a node's cores on a temporary directory, and a small language for building
// regtest chains block by block.
//
// Only tests import it.
package chaintest
