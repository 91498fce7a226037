package sign

import (
	"encoding/binary"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
)

// signECDSA signs a hash of 32 bytes, in DER. Nonces are tried until r needs no byte
// for its sign, which saves one in half of all signatures.
func signECDSA(key *btcec.PrivateKey, hash []byte) []byte {
	secret := key.Serialize()
	defer clear(secret)
	var extra []byte
	for counter, iterations := uint32(0), uint32(0); ; {
		nonce := btcec.NonceRFC6979(secret, hash, extra, nil, iterations)
		r, s, ok := signWith(nonce, key, hash)
		nonce.Zero()
		if !ok {
			iterations++
			continue
		}
		if first := r.Bytes(); first[0] < 0x80 {
			return ecdsa.NewSignature(&r, &s).Serialize()
		}
		counter++
		iterations = 0
		extra = binary.LittleEndian.AppendUint32(nil, counter)
		extra = append(extra, make([]byte, 32-len(extra))...)
	}
}

// signWith is the signature of SEC 1, section 4.1.3, for one nonce, with the lower s. It
// fails if r or s is zero.
func signWith(nonce *btcec.ModNScalar, key *btcec.PrivateKey, hash []byte) (r, s btcec.ModNScalar, ok bool) {
	var point btcec.JacobianPoint
	btcec.ScalarBaseMultNonConst(nonce, &point)
	point.ToAffine()
	r.SetByteSlice(point.X.Bytes()[:])
	var e btcec.ModNScalar
	e.SetByteSlice(hash)
	inverse := new(btcec.ModNScalar).InverseValNonConst(nonce)
	s.Mul2(&key.Key, &r).Add(&e).Mul(inverse)
	inverse.Zero()
	if s.IsOverHalfOrder() {
		s.Negate()
	}
	return r, s, !r.IsZero() && !s.IsZero()
}

// validECDSA reports whether a signature in DER is that of a public key.
func validECDSA(key, der, hash []byte) bool {
	public, err := btcec.ParsePubKey(key)
	if err != nil {
		return false
	}
	signature, err := ecdsa.ParseDERSignature(der)
	return err == nil && signature.Verify(hash, public)
}
