// Package vectors reads the reference's vectors for scripts, transactions and
// taproot spends, for tests: they are Bitcoin Core's, as the module
// btcsuite/btcd/txscript has them in its folder data.
package vectors
