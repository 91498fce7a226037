package consensus

import (
	"bytes"
	"crypto/sha256"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// merkleRoot folds leaves, which it overwrites. mutated tells that two equal
// hashes stood beside each other, so that a shorter list has the same root
// (CVE-2012-2459).
func merkleRoot(leaves []chainhash.Hash) (root chainhash.Hash, mutated bool) {
	if len(leaves) == 0 {
		return root, false
	}
	var pair [2 * chainhash.HashSize]byte
	for len(leaves) > 1 {
		for i := 0; i+1 < len(leaves); i += 2 {
			mutated = mutated || leaves[i] == leaves[i+1]
		}
		if len(leaves)%2 == 1 {
			leaves = append(leaves, leaves[len(leaves)-1])
		}
		for i := 0; i < len(leaves); i += 2 {
			copy(pair[:], leaves[i][:])
			copy(pair[chainhash.HashSize:], leaves[i+1][:])
			first := sha256.Sum256(pair[:])
			leaves[i/2] = sha256.Sum256(first[:])
		}
		leaves = leaves[:len(leaves)/2]
	}
	return leaves[0], mutated
}

// MerkleRoot returns the root over the txids.
func MerkleRoot(txs []*Tx) (root chainhash.Hash, mutated bool) {
	leaves := make([]chainhash.Hash, len(txs), len(txs)+1)
	for i, tx := range txs {
		leaves[i] = tx.ID
	}
	return merkleRoot(leaves)
}

// WitnessMerkleRoot returns the root over the wtxids, with zero for the
// coinbase (BIP141).
func WitnessMerkleRoot(txs []*Tx) chainhash.Hash {
	leaves := make([]chainhash.Hash, len(txs), len(txs)+1)
	for i, tx := range txs[1:] {
		leaves[i+1] = tx.WitnessID
	}
	root, _ := merkleRoot(leaves)
	return root
}

// CommitmentHash is what the coinbase of a segwit block commits to.
func CommitmentHash(witnessRoot chainhash.Hash, reserved []byte) chainhash.Hash {
	return chainhash.DoubleHashH(append(witnessRoot[:], reserved...))
}

// commitmentHeader begins the script of an output with a witness commitment:
// OP_RETURN, a push of 36 bytes, and the magic of BIP141.
const commitmentHeader = "\x6a\x24\xaa\x21\xa9\xed"

// CommitmentIndex returns the output of the coinbase that holds the witness
// commitment, the last one if there are several, or -1.
func CommitmentIndex(coinbase *Tx) int {
	for i := len(coinbase.TxOut) - 1; i >= 0; i-- {
		script := coinbase.TxOut[i].PkScript
		if len(script) >= len(commitmentHeader)+chainhash.HashSize && bytes.HasPrefix(script, []byte(commitmentHeader)) {
			return i
		}
	}
	return -1
}

// CommitmentScript is the script of the output that commits to hash.
func CommitmentScript(hash chainhash.Hash) []byte {
	return append([]byte(commitmentHeader), hash[:]...)
}
