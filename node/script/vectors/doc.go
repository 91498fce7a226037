// Package vectors reads vectors for scripts, transactions, taproot spends and
// signatures, for tests. Most are Bitcoin Core's, as the module
// btcsuite/btcd/txscript has them in its folder data; those that it has not, or
// has in an older version, are in testdata, where it is told whence they come.
package vectors
