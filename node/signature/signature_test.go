package signature_test

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/signature"
)

func numbered(n uint64) (*btcec.PrivateKey, []byte) {
	seed := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("key"), n))
	hash := sha256.Sum256(seed[:])
	key, _ := btcec.PrivKeyFromBytes(seed[:])
	return key, hash[:]
}

func signSchnorr(t testing.TB, key *btcec.PrivateKey, hash []byte) []byte {
	t.Helper()
	sig, err := schnorr.Sign(key, hash)
	require.NoError(t, err)
	return sig.Serialize()
}

// flips calls f with every bit of b changed in turn.
func flips(b []byte, f func(bit int, changed []byte)) {
	for bit := range 8 * len(b) {
		changed := append([]byte{}, b...)
		changed[bit/8] ^= 1 << (bit % 8)
		f(bit, changed)
	}
}

func TestOnlyWhatWasSignedIsAccepted(t *testing.T) {
	key, hash := numbered(1)
	der := ecdsa.Sign(key, hash).Serialize()
	for _, public := range [][]byte{key.PubKey().SerializeCompressed(), key.PubKey().SerializeUncompressed()} {
		require.True(t, signature.VerifyECDSA(public, der, hash))
		require.True(t, signature.QuickECDSA(public, der, hash))
		flips(public, func(bit int, changed []byte) {
			require.False(t, signature.QuickECDSA(changed, der, hash), "bit %d of the key", bit)
			require.False(t, signature.VerifyECDSA(changed, der, hash), "bit %d of the key", bit)
		})
		flips(der, func(bit int, changed []byte) {
			require.False(t, signature.VerifyECDSA(public, changed, hash), "bit %d of the signature", bit)
		})
	}
	xOnly, sig := schnorr.SerializePubKey(key.PubKey()), signSchnorr(t, key, hash)
	require.True(t, signature.VerifySchnorr(xOnly, sig, hash))
	for what, part := range map[string][]byte{"key": xOnly, "signature": sig, "hash": hash} {
		flips(part, func(bit int, changed []byte) {
			args := map[string][]byte{"key": xOnly, "signature": sig, "hash": hash}
			args[what] = changed
			require.False(t, signature.VerifySchnorr(args["key"], args["signature"], args["hash"]), "bit %d of the %s", bit, what)
		})
	}
	for n := range 100 {
		long := make([]byte, n)
		require.False(t, signature.VerifySchnorr(long, sig, hash))
		require.False(t, signature.VerifySchnorr(xOnly, long, hash))
		require.False(t, signature.VerifyECDSA(long, der, hash))
		require.False(t, signature.VerifyECDSA(key.PubKey().SerializeCompressed(), long, hash))
		if n != signature.Hash {
			require.False(t, signature.VerifyECDSA(key.PubKey().SerializeCompressed(), der, long))
			require.False(t, signature.VerifySchnorr(xOnly, sig, long))
		}
	}
}

// integer encodes n for a signature, minimal unless padded.
func integer(n *big.Int, padding int) []byte {
	raw := n.Bytes()
	if len(raw) == 0 || raw[0]&0x80 != 0 {
		raw = append([]byte{0}, raw...)
	}
	raw = append(make([]byte, padding), raw...)
	return append([]byte{2, byte(len(raw))}, raw...)
}

func TestUnusualEncodingsAreRefused(t *testing.T) {
	key, hash := numbered(2)
	public := key.PubKey().SerializeCompressed()
	sig := ecdsa.Sign(key, hash)
	r, s := sig.R(), sig.S()
	rb, sb := r.Bytes(), s.Bytes()
	R, S := new(big.Int).SetBytes(rb[:]), new(big.Int).SetBytes(sb[:])
	order := btcec.S256().N
	sequence := func(body ...[]byte) []byte {
		out := []byte{0x30, 0}
		for _, b := range body {
			out = append(out, b...)
		}
		out[1] = byte(len(out) - 2)
		return out
	}
	require.True(t, signature.VerifyECDSA(public, sequence(integer(R, 0), integer(S, 0)), hash))
	for what, der := range map[string][]byte{
		"s in the upper half":   sequence(integer(R, 0), integer(new(big.Int).Sub(order, S), 0)),
		"r of zero":             sequence(integer(new(big.Int), 0), integer(S, 0)),
		"s of zero":             sequence(integer(R, 0), integer(new(big.Int), 0)),
		"r beyond the order":    sequence(integer(new(big.Int).Add(R, order), 0), integer(S, 0)),
		"r padded":              sequence(integer(R, 1), integer(S, 0)),
		"s padded":              sequence(integer(R, 0), integer(S, 1)),
		"a third integer":       sequence(integer(R, 0), integer(S, 0), integer(S, 0)),
		"a byte behind":         append(sequence(integer(R, 0), integer(S, 0)), 0),
		"no second integer":     sequence(integer(R, 0)),
		"a long form of length": append([]byte{0x30, 0x81, byte(len(integer(R, 0)) + len(integer(S, 0)))}, append(integer(R, 0), integer(S, 0)...)...),
	} {
		require.False(t, signature.VerifyECDSA(public, der, hash), what)
	}
	hybrid := key.PubKey().SerializeUncompressed()
	hybrid[0] = 6 + hybrid[64]&1
	require.False(t, signature.VerifyECDSA(hybrid, sig.Serialize(), hash), "a hybrid key")
}

func BenchmarkVerifyECDSA(b *testing.B) {
	key, hash := numbered(3)
	public, der := key.PubKey().SerializeCompressed(), ecdsa.Sign(key, hash).Serialize()
	b.ReportAllocs()
	for b.Loop() {
		require.True(b, signature.VerifyECDSA(public, der, hash))
	}
}

func BenchmarkVerifySchnorr(b *testing.B) {
	key, hash := numbered(4)
	public, sig := schnorr.SerializePubKey(key.PubKey()), signSchnorr(b, key, hash)
	b.ReportAllocs()
	for b.Loop() {
		require.True(b, signature.VerifySchnorr(public, sig, hash))
	}
}
