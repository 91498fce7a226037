package interpreter

import "bytes"

// Before BIP66 signatures were whatever OpenSSL read as DER. What it read is
// known for the block chain alone: parseLaxDER accepts that, and is as lenient as
// Bitcoin Core (ecdsa_signature_parse_der_lax).

// maxDER is the length of the longest strict encoding.
const maxDER = 72

// ecdsaSig is r and s, big-endian.
type ecdsaSig struct{ r, s [32]byte }

// Order of the group and half of it (SEC 2, section 2.4.1).
var (
	order = [32]byte{
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
		0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
	}
	halfOrder = [32]byte{
		0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
	}
)

// parseLaxDER reads a sequence of two integers. Lengths may be wrong or long,
// integers padded or negative, and anything may follow. What is not below the
// order makes a signature of zeros, which is valid for nothing.
func parseLaxDER(der []byte) (sig ecdsaSig, ok bool) {
	rest, ok := laxSequence(der)
	if !ok {
		return sig, false
	}
	r, rest, ok := laxInteger(rest)
	if !ok {
		return sig, false
	}
	s, _, ok := laxInteger(rest)
	if !ok {
		return sig, false
	}
	if !scalar(&sig.r, r) || !scalar(&sig.s, s) {
		return ecdsaSig{}, true
	}
	return sig, true
}

// laxSequence skips the tag and the length of a sequence.
func laxSequence(b []byte) (rest []byte, ok bool) {
	if len(b) < 2 || b[0] != 0x30 {
		return nil, false
	}
	long, b := b[1]&0x80 != 0, b[1:]
	n := int(b[0] & 0x7f)
	if b = b[1:]; !long {
		return b, true
	}
	if n > len(b) {
		return nil, false
	}
	return b[n:], true
}

func laxInteger(b []byte) (integer, rest []byte, ok bool) {
	if len(b) < 2 || b[0] != 0x02 {
		return nil, nil, false
	}
	n, b, ok := laxLength(b[1:])
	if !ok || n > len(b) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}

// laxLength reads the length of an integer: of three bytes at most, though any
// number of zeros may stand in front.
func laxLength(b []byte) (n int, rest []byte, ok bool) {
	first, b := b[0], b[1:]
	if first&0x80 == 0 {
		return int(first), b, true
	}
	width := int(first & 0x7f)
	if width > len(b) {
		return 0, nil, false
	}
	length, rest := bytes.TrimLeft(b[:width], "\x00"), b[width:]
	if len(length) > 3 {
		return 0, nil, false
	}
	for _, digit := range length {
		n = n<<8 | int(digit)
	}
	return n, rest, true
}

// scalar reads an integer without its sign, if it is below the order.
func scalar(to *[32]byte, integer []byte) bool {
	integer = bytes.TrimLeft(integer, "\x00")
	if len(integer) > len(to) {
		return false
	}
	copy(to[len(to)-len(integer):], integer)
	return bytes.Compare(to[:], order[:]) < 0
}

// isLowS reports whether s is in the lower half (BIP146). What is not below the
// order counts as zero.
func isLowS(der []byte) bool {
	sig, ok := parseLaxDER(der)
	return ok && bytes.Compare(sig.s[:], halfOrder[:]) <= 0
}

// normalise brings s into the lower half, which makes no difference to what is
// signed. It reports whether neither r nor s is zero.
func (sig *ecdsaSig) normalise() bool {
	if sig.r == [32]byte{} || sig.s == [32]byte{} {
		return false
	}
	if bytes.Compare(sig.s[:], halfOrder[:]) <= 0 {
		return true
	}
	borrow := 0
	for i := len(order) - 1; i >= 0; i-- {
		difference := int(order[i]) - int(sig.s[i]) - borrow
		sig.s[i] = byte(difference)
		borrow = int(uint(difference) >> 31 & 1)
	}
	return true
}

// appendDER appends the strict encoding (BIP66).
func (sig *ecdsaSig) appendDER(to []byte) []byte {
	begin := len(to)
	to = append(to, 0x30, 0)
	for _, integer := range []*[32]byte{&sig.r, &sig.s} {
		digits := bytes.TrimLeft(integer[:], "\x00")
		if digits[0]&0x80 != 0 {
			to = append(to, 0x02, byte(len(digits)+1), 0)
		} else {
			to = append(to, 0x02, byte(len(digits)))
		}
		to = append(to, digits...)
	}
	to[begin+1] = byte(len(to) - begin - 2)
	return to
}
