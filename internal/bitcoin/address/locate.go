package address

import (
	"strings"

	"github.com/bulkheadnode/bulkhead/internal/wording"
)

// BadBech32 tells what is wrong with a string that begins as an address of segwit, and
// where, as far as that can be told.
type BadBech32 struct {
	Positions []int // of bytes, ascending
	reason    string
}

// Error returns Bitcoin Core's text.
func (e *BadBech32) Error() string { return e.reason }

const (
	bech32Limit    = 90
	bech32Checksum = 6
	bech32Charset  = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
)

// locate finds what is wrong with a string that is no valid Bech32 or Bech32m (BIP173,
// BIP350). Up to two wrong characters are found, as the code's distance allows; what
// should stand there is not told, since a user who trusted that might pay to nobody.
func locate(text string) *BadBech32 {
	fail := func(reason string, at ...int) *BadBech32 { return &BadBech32{at, reason} }
	if len(text) > bech32Limit {
		var beyond []int
		for i := bech32Limit; i < len(text); i++ {
			beyond = append(beyond, i)
		}
		return fail("Bech32 string too long", beyond...)
	}
	if at := badCharacters(text); len(at) > 0 {
		return fail("Invalid character or mixed case", at...)
	}
	separator := strings.LastIndexByte(text, '1')
	switch {
	case separator < 0:
		return fail("Missing separator")
	case separator == 0 || separator+bech32Checksum >= len(text):
		return fail("Invalid separator position", separator)
	}
	text = strings.ToLower(text)
	values := expandPrefix(text[:separator])
	for i := separator + 1; i < len(text); i++ {
		value := strings.IndexByte(bech32Charset, text[i])
		if value < 0 {
			return fail("Invalid Base 32 character", i)
		}
		values = append(values, byte(value))
	}
	return wrongCharacters(values, len(text), len(text)-1-separator)
}

// badCharacters returns the positions of what may not stand in such a string at all, and
// of letters in another case than the first one's.
func badCharacters(text string) (at []int) {
	lower, upper := false, false
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z' && !upper:
			lower = true
		case c >= 'A' && c <= 'Z' && !lower:
			upper = true
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c < 33, c > 126:
			at = append(at, i)
		}
	}
	return at
}

func expandPrefix(prefix string) (values []byte) {
	for i := range len(prefix) {
		values = append(values, prefix[i]>>5)
	}
	values = append(values, 0)
	for i := range len(prefix) {
		values = append(values, prefix[i]&31)
	}
	return values
}

// wrongCharacters tries both checksums, and takes the one with fewer wrong characters
// among the last so many of a text.
func wrongCharacters(values []byte, size, last int) *BadBech32 {
	wrong := &BadBech32{reason: "Invalid checksum"}
	for _, kind := range []struct {
		constant uint32
		reason   string
	}{{1, "Invalid Bech32 checksum"}, {0x2bc830a3, "Invalid Bech32m checksum"}} {
		at := wrongPositions(polymod(values)^kind.constant, last)
		if len(at) == 0 || len(wrong.Positions) > 0 && len(at) >= len(wrong.Positions) {
			continue
		}
		for i := range at {
			at[i] = size - 1 - at[i]
		}
		wrong.Positions, wrong.reason = at, kind.reason
	}
	return wrong
}

// polymod is the checksum's remainder (BIP173).
func polymod(values []byte) uint32 {
	remainder := uint32(1)
	for _, v := range values {
		remainder = shift(remainder) ^ uint32(v)
	}
	return remainder
}

// shift multiplies a remainder by x.
func shift(remainder uint32) uint32 {
	top := remainder >> 25
	remainder = remainder & 0x1ffffff << 5
	for i, generator := range [...]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
		if top>>i&1 == 1 {
			remainder ^= generator
		}
	}
	return remainder
}

// wrongPositions returns which of the last characters, counted from the end, are wrong
// if the remainder is off by residue; nil if more than two are. Remainders are linear:
// what an error does to them is what it would do to zero.
func wrongPositions(residue uint32, last int) []int {
	const symbols = 32
	effect := map[uint32]int{} // of an error, and its position
	for symbol := uint32(1); symbol < symbols; symbol++ {
		remainder := symbol
		for at := range last {
			effect[remainder] = at
			remainder = shift(remainder)
		}
	}
	if at, one := effect[residue]; one {
		return []int{at}
	}
	for remainder, first := range effect {
		if second, two := effect[residue^remainder]; two && first != second {
			return []int{max(first, second), min(first, second)}
		}
	}
	return nil
}

// wrongPrefix is an address of a chain whose prefix begins like ours.
func wrongPrefix(ours, theirs string) error {
	return wording.Errorf("Invalid or unsupported prefix for Segwit (Bech32) address (expected %s, got %s).", ours, theirs)
}
