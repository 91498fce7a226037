package interpreter

import (
	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/node/signature"
)

// checkEncodings checks a signature and then a key as the rules demand.
func (m *machine) checkEncodings(sig, key []byte) *Error {
	if err := m.checkSigEncoding(sig); err != nil {
		return err
	}
	return m.checkKeyEncoding(key)
}

// checkSigEncoding: an empty signature is a short way to give none that is
// valid.
func (m *machine) checkSigEncoding(sig []byte) *Error {
	const strict = txscript.ScriptVerifyDERSignatures | txscript.ScriptVerifyLowS | txscript.ScriptVerifyStrictEncoding
	switch {
	case len(sig) == 0:
		return nil
	case m.has(strict) && !isStrictDER(sig):
		return errSigDER
	case m.has(txscript.ScriptVerifyLowS) && !isLowS(sig[:len(sig)-1]):
		return errSigHighS
	case m.has(txscript.ScriptVerifyStrictEncoding) && !isDefinedHashType(sig[len(sig)-1]):
		return errSigHashType
	}
	return nil
}

func isDefinedHashType(t byte) bool {
	t &^= byte(txscript.SigHashAnyOneCanPay)
	return t >= byte(txscript.SigHashAll) && t <= byte(txscript.SigHashSingle)
}

func (m *machine) checkKeyEncoding(key []byte) *Error {
	if m.has(txscript.ScriptVerifyStrictEncoding) && !isCompressed(key) && !isUncompressed(key) {
		return errPubKeyType
	}
	if m.has(txscript.ScriptVerifyWitnessPubKeyType) && m.version == witnessV0 && !isCompressed(key) {
		return errWitnessPubKeyType
	}
	return nil
}

func isCompressed(key []byte) bool {
	return len(key) == signature.CompressedKey && (key[0] == 2 || key[0] == 3)
}

func isUncompressed(key []byte) bool { return len(key) == signature.UncompressedKey && key[0] == 4 }

// plainKey returns a key as package signature takes it. Hybrid keys, which tell
// the parity of y besides y itself, are copied to space without it.
func plainKey(space, key []byte) (plain []byte, ok bool) {
	if isCompressed(key) || isUncompressed(key) {
		return key, true
	}
	if len(key) != signature.UncompressedKey || key[0]&^1 != 6 || key[0]&1 != key[len(key)-1]&1 {
		return nil, false
	}
	copy(space, key)
	space[0] = 4
	return space, true
}

// isStrictDER: the encoding of BIP66, with a byte for the hash type.
func isStrictDER(sig []byte) bool {
	const shortest, longest = 9, 73
	if len(sig) < shortest || len(sig) > longest || sig[0] != 0x30 || int(sig[1]) != len(sig)-3 {
		return false
	}
	rest := sig[2 : len(sig)-1]
	for range 2 {
		if len(rest) < 3 || rest[0] != 0x02 || len(rest) < 2+int(rest[1]) {
			return false
		}
		integer := rest[2 : 2+int(rest[1])]
		if len(integer) == 0 || !isMinimalPositive(integer) {
			return false
		}
		rest = rest[2+len(integer):]
	}
	return len(rest) == 0
}

// isMinimalPositive: a zero stands in front only if the number were negative
// without it.
func isMinimalPositive(integer []byte) bool {
	if integer[0]&0x80 != 0 {
		return false
	}
	return len(integer) == 1 || integer[0] != 0 || integer[1]&0x80 != 0
}
