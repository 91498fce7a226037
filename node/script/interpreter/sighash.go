package interpreter

import (
	"bytes"
	"crypto/sha256"

	"github.com/btcsuite/btcd/txscript/v2"
)

// outputMask is the part of a hash type that tells about outputs. All types but
// NONE and SINGLE sign all.
const outputMask = 0x1f

// meanings is how many kinds of hash types there are: ALL, NONE and SINGLE, each
// with ANYONECANPAY and without.
const meanings = 6

func meaning(hashType byte) (n int) {
	switch hashType & outputMask {
	case byte(txscript.SigHashNone):
		n = 1
	case byte(txscript.SigHashSingle):
		n = 2
	}
	if hashType&byte(txscript.SigHashAnyOneCanPay) != 0 {
		n += 3
	}
	return n
}

// isOpen: a signature that commits to no sequence but its own.
func isOpen(hashType byte) bool { return meaning(hashType) != 0 }

// midstate is the state of a signature hash before the hash type is written.
type midstate struct {
	known   bool
	version sigVersion
	code    []byte
	state   []byte
}

// one is what SIGHASH_SINGLE signs if there is no output beside the input.
var one = [sha256.Size]byte{1}

// signatureHash returns what an ECDSA signature signs: the legacy hash or that
// of BIP143. It is valid until the next call.
func (s *spending) signatureHash(code []byte, hashType byte) []byte {
	if s.version == base && hashType&outputMask == byte(txscript.SigHashSingle) && s.index >= len(s.tx.tx.TxOut) {
		return one[:]
	}
	sha, saved := s.space.sha, &s.hashes[meaning(hashType)]
	if saved.known && saved.version == s.version && bytes.Equal(saved.code, code) {
		setState(sha, saved.state)
	} else {
		if s.version == witnessV0 {
			s.writeWitness(code, hashType)
		} else {
			s.writeLegacy(code, hashType)
		}
		saved.known, saved.version, saved.code, saved.state = true, s.version, code, appendState(saved.state[:0], sha)
	}
	return s.finish(uint32(hashType))
}

// finish writes a hash type, which has four bytes in a hash though one in a
// signature.
func (s *spending) finish(hashType uint32) []byte {
	s.space.sha.Write(appendUint32(s.space.sum[:0], hashType))
	s.space.sum = sha256.Sum256(s.space.sha.Sum(s.space.sum[:0]))
	return s.space.sum[:]
}
