// Package blockstats computes what getblockstats tells of a block.
//
// It is pure: a block and what it spent go in, figures come out.
package blockstats
