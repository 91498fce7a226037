// Package amount shows amounts of money as Bitcoin Core does: as numbers of
// bitcoins with eight decimals.
//
// It owns nothing and is pure.
package amount
