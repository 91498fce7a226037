package signature_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/signature"
)

// derOf encodes a signature with small s.
func derOf(r, s btcec.ModNScalar) []byte {
	encode := func(n btcec.ModNScalar) []byte {
		b := n.Bytes()
		raw := b[:]
		for len(raw) > 1 && raw[0] == 0 && raw[1]&0x80 == 0 {
			raw = raw[1:]
		}
		if raw[0]&0x80 != 0 {
			raw = append([]byte{0}, raw...)
		}
		return append([]byte{2, byte(len(raw))}, raw...)
	}
	body := append(encode(r), encode(s)...)
	return append([]byte{0x30, byte(len(body))}, body...)
}

// A key of zeros, which some take for the point at infinity, is none: with it
// anybody could sign, since all but the multiple of the generator falls away.
func TestNobodySignsForTheKeyOfZeros(t *testing.T) {
	hash := sha256.Sum256([]byte("anything"))
	key := append([]byte{4}, make([]byte, 64)...)
	require.Len(t, key, signature.UncompressedKey)
	var k, z, r, s btcec.ModNScalar
	k.SetInt(12345)
	z.SetByteSlice(hash[:])
	var point btcec.JacobianPoint
	btcec.ScalarBaseMultNonConst(&k, &point)
	point.ToAffine()
	x := point.X.Bytes()
	r.SetByteSlice(x[:])
	s.Set(&k).InverseNonConst()
	s.Mul(&z)
	if s.IsOverHalfOrder() {
		s.Negate()
	}
	der := derOf(r, s)
	require.False(t, signature.VerifyECDSA(key, der, hash[:]), "%s", hex.EncodeToString(der))
}
