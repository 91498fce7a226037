package interpreter

import (
	"crypto/sha1"
	"crypto/sha256"
	"hash"

	"github.com/btcsuite/btcd/txscript/v2"
	//lint:ignore SA1019 Scripts name this hash.
	"golang.org/x/crypto/ripemd160"
)

// hashTop replaces an element by its hash.
func hashTop(m *machine) *Error {
	in := m.top(1)
	var out []byte
	switch m.op {
	case txscript.OP_SHA1:
		sum := sha1.Sum(in)
		out = append(m.element(len(sum))[:0], sum[:]...)
	case txscript.OP_RIPEMD160:
		out = m.ripemd160(in)
	case txscript.OP_HASH160:
		sum := sha256.Sum256(in)
		out = m.ripemd160(sum[:])
	case txscript.OP_HASH256:
		sum := doubleSHA256(in)
		out = append(m.element(len(sum))[:0], sum[:]...)
	default:
		sum := sha256.Sum256(in)
		out = append(m.element(len(sum))[:0], sum[:]...)
	}
	m.stack[len(m.stack)-1] = out
	return nil
}

func newRIPEMD160() hash.Hash { return ripemd160.New() }

func (s *spending) ripemd160(in []byte) []byte {
	s.space.ripemd.Reset()
	s.space.ripemd.Write(in)
	return s.space.ripemd.Sum(s.element(ripemd160.Size)[:0])
}

func doubleSHA256(in []byte) [32]byte {
	once := sha256.Sum256(in)
	return sha256.Sum256(once[:])
}
