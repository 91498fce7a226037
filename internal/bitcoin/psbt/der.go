package psbt

import "github.com/btcsuite/btcd/txscript/v2"

// encoded reports whether a signature with its hash type is encoded as BIP66 asks for,
// and the type is one that has a meaning. The numbers need not be those of a signature.
func encoded(signature []byte) bool {
	const least, most, overhead = 9, 73, 6 // of a whole signature, and of its tags and lengths
	if len(signature) < least || len(signature) > most {
		return false
	}
	der, kind := signature[:len(signature)-1], txscript.SigHashType(signature[len(signature)-1])
	rLength := int(der[3])
	if der[0] != 0x30 || int(der[1]) != len(der)-2 || 5+rLength >= len(der) {
		return false
	}
	sLength := int(der[5+rLength])
	if rLength+sLength+overhead != len(der) {
		return false
	}
	base := kind &^ txscript.SigHashAnyOneCanPay
	return integer(der[2:4+rLength]) && integer(der[4+rLength:]) && base >= txscript.SigHashAll && base <= txscript.SigHashSingle
}

// integer reports whether a number with its tag and length is positive and the shortest
// form of it.
func integer(tagged []byte) bool {
	number := tagged[2:]
	switch {
	case tagged[0] != 2, len(number) == 0, number[0]&0x80 != 0:
		return false
	case len(number) > 1 && number[0] == 0 && number[1]&0x80 == 0:
		return false
	}
	return true
}
