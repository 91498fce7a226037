package consensus

import (
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"math/bits"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// Uint256 is an unsigned number, least significant word first: a target, or
// an amount of work in expected hashes.
type Uint256 [4]uint64

// HashNumber reads a block hash as the number that is compared with a target.
func HashNumber(h *chainhash.Hash) (n Uint256) {
	for i := range n {
		n[i] = binary.LittleEndian.Uint64(h[8*i:])
	}
	return n
}

// Cmp returns -1, 0 or 1.
func (n Uint256) Cmp(m Uint256) int {
	for i := 3; i >= 0; i-- {
		switch {
		case n[i] < m[i]:
			return -1
		case n[i] > m[i]:
			return 1
		}
	}
	return 0
}

// Add returns the sum modulo 2^256.
func (n Uint256) Add(m Uint256) (sum Uint256) {
	var carry uint64
	for i := range n {
		sum[i], carry = bits.Add64(n[i], m[i], carry)
	}
	return sum
}

// Sub returns the difference modulo 2^256.
func (n Uint256) Sub(m Uint256) (difference Uint256) {
	var borrow uint64
	for i := range n {
		difference[i], borrow = bits.Sub64(n[i], m[i], borrow)
	}
	return difference
}

// Big returns the number as a big.Int.
func (n Uint256) Big() *big.Int {
	b := n.Bytes()
	return new(big.Int).SetBytes(b[:])
}

// Bytes returns the number most significant byte first.
func (n Uint256) Bytes() (b [32]byte) {
	for i := range n {
		binary.BigEndian.PutUint64(b[24-8*i:], n[i])
	}
	return b
}

// Hex returns 64 digits, most significant first.
func (n Uint256) Hex() string {
	b := n.Bytes()
	return hex.EncodeToString(b[:])
}

// BigUint256 converts a number below 2^256.
func BigUint256(v *big.Int) (n Uint256) {
	var b [32]byte
	v.FillBytes(b[:])
	slices.Reverse(b[:])
	return HashNumber((*chainhash.Hash)(&b))
}

// HexUint256 parses up to 64 digits, with or without 0x.
func HexUint256(text string) (Uint256, bool) {
	v, ok := new(big.Int).SetString(text, 0)
	if !ok {
		v, ok = new(big.Int).SetString(text, 16)
	}
	if !ok || v.Sign() < 0 || v.BitLen() > 256 {
		return Uint256{}, false
	}
	return BigUint256(v), true
}

// Target expands the compact form of a header. It fails if the target is
// negative, zero or does not fit.
func Target(compact uint32) (Uint256, bool) {
	exponent, mantissa := uint(compact>>24), uint64(compact&0x7fffff)
	if exponent <= 3 {
		mantissa >>= 8 * (3 - exponent)
	}
	overflow := mantissa != 0 && (exponent > 34 || mantissa > 0xff && exponent > 33 || mantissa > 0xffff && exponent > 32)
	if mantissa == 0 || compact&0x800000 != 0 || overflow {
		return Uint256{}, false
	}
	target := Uint256{mantissa}
	if exponent > 3 {
		target = BigUint256(new(big.Int).Lsh(new(big.Int).SetUint64(mantissa), 8*(exponent-3)))
	}
	return target, true
}

// Compact is the inverse of Target, rounding down.
func Compact(target *big.Int) uint32 {
	size := uint((target.BitLen() + 7) / 8)
	var mantissa uint64
	if size <= 3 {
		mantissa = target.Uint64() << (8 * (3 - size))
	} else {
		mantissa = new(big.Int).Rsh(target, 8*(size-3)).Uint64()
	}
	if mantissa&0x800000 != 0 {
		mantissa >>= 8
		size++
	}
	return uint32(size)<<24 | uint32(mantissa)
}

// Work returns the expected number of hashes to meet a compact target:
// 2^256/(target+1).
func Work(compact uint32) Uint256 {
	target, ok := Target(compact)
	if !ok {
		return Uint256{}
	}
	divisor := target.Big()
	divisor.Add(divisor, big.NewInt(1))
	work := new(big.Int).Lsh(big.NewInt(1), 256)
	return BigUint256(work.Div(work, divisor))
}

// CheckProofOfWork verifies that hash meets the target, and the target the
// chain's limit.
func CheckProofOfWork(hash *chainhash.Hash, compact uint32, p *Params) bool {
	target, ok := Target(compact)
	return ok && target.Cmp(p.PowLimit) <= 0 && HashNumber(hash).Cmp(target) <= 0
}

// Difficulty is the ratio of the greatest target of mainnet to this one.
func Difficulty(compact uint32) float64 {
	shift := int(compact >> 24 & 0xff)
	difficulty := float64(0x0000ffff) / float64(compact&0x00ffffff)
	for ; shift < 29; shift++ {
		difficulty *= 256
	}
	for ; shift > 29; shift-- {
		difficulty /= 256
	}
	return difficulty
}
