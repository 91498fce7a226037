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
func (m *machine) signatureHash(code []byte, hashType byte) []byte {
	if m.version == base && hashType&outputMask == byte(txscript.SigHashSingle) && m.index >= len(m.tx.tx.TxOut) {
		return one[:]
	}
	sha, saved := m.space.sha, &m.hashes[meaning(hashType)]
	if saved.known && saved.version == m.version && bytes.Equal(saved.code, code) {
		setState(sha, saved.state)
	} else {
		if m.version == witnessV0 {
			m.writeWitness(code, hashType)
		} else {
			m.writeLegacy(code, hashType)
		}
		saved.known, saved.version, saved.code, saved.state = true, m.version, code, appendState(saved.state[:0], sha)
	}
	return m.finish(uint32(hashType))
}

// finish writes a hash type, which has four bytes in a hash though one in a
// signature.
func (m *machine) finish(hashType uint32) []byte {
	m.space.sha.Write(appendUint32(m.space.sum[:0], hashType))
	m.space.sum = sha256.Sum256(m.space.sha.Sum(m.space.sum[:0]))
	return m.space.sum[:]
}
