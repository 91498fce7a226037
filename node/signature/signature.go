package signature

// Lengths of encodings in bytes.
const (
	CompressedKey   = 33 // SEC 1: 0x02 or 0x03, x big-endian
	UncompressedKey = 65 // SEC 1: 0x04, x, y big-endian
	XOnlyKey        = 32 // BIP340: x big-endian
	Schnorr         = 64 // BIP340: R's x, s, big-endian
	Hash            = 32
)

// validECDSA reports whether key and der have the outer form that VerifyECDSA
// accepts.
func validECDSA(key, der, hash []byte) bool {
	if len(hash) != Hash || !strictDER(der) {
		return false
	}
	switch len(key) {
	case CompressedKey:
		return key[0] == 2 || key[0] == 3
	case UncompressedKey:
		return key[0] == 4
	}
	return false
}

// strictDER reports whether der is a sequence of two positive integers of at
// most 33 bytes each, in the only encoding that BIP66 allows for them.
func strictDER(der []byte) bool {
	if len(der) < 8 || len(der) > 72 || der[0] != 0x30 || int(der[1]) != len(der)-2 {
		return false
	}
	rest := der[2:]
	for range 2 {
		if len(rest) < 3 || rest[0] != 0x02 {
			return false
		}
		n := int(rest[1])
		if n == 0 || n > 33 || len(rest) < 2+n || !minimalPositive(rest[2:2+n]) {
			return false
		}
		rest = rest[2+n:]
	}
	return len(rest) == 0
}

func minimalPositive(integer []byte) bool {
	if integer[0]&0x80 != 0 {
		return false
	}
	return len(integer) == 1 || integer[0] != 0 || integer[1]&0x80 != 0
}
