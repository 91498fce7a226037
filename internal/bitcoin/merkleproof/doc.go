// Package merkleproof makes and reads proofs that transactions are in a block: a header and
// the part of the block's Merkle tree that leads to them (BIP37, "Partial Merkle branch
// format"; Bitcoin Core, src/merkleblock.cpp).
//
// A proof is hostile: nothing is allocated for a count that the bytes do not bear out, and
// what it says is verified up to the root. Whether the header is one of a chain, and how
// many transactions its block has, is for others to say. It is pure.
package merkleproof
