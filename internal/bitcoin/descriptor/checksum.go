package descriptor

import "strings"

// Characters of descriptors in three groups, and of their checksums.
const (
	descriptorChars = "0123456789()[],'/*abcdefgh@:$%{}" +
		"IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~" +
		"ijklmnopqrstuvwxyzABCDEFGH`#\"\\ "
	checksumChars = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
)

func polymod(c uint64, value int) uint64 {
	top := c >> 35
	c = (c&0x7ffffffff)<<5 ^ uint64(value)
	for i, g := range [5]uint64{0xf5dee51989, 0xa9fdca3312, 0x1bab10e32d, 0x3706b1677a, 0x644d626ffd} {
		if top>>i&1 != 0 {
			c ^= g
		}
	}
	return c
}

// Checksum returns the eight characters that follow "#" (BIP380); "" if the
// text has characters that descriptors do not have.
func Checksum(text string) string {
	c, class, count := uint64(1), 0, 0
	for _, r := range text {
		at := strings.IndexRune(descriptorChars, r)
		if at < 0 {
			return ""
		}
		c = polymod(c, at&31)
		class = class*3 + at>>5
		if count++; count == 3 {
			c = polymod(c, class)
			class, count = 0, 0
		}
	}
	if count > 0 {
		c = polymod(c, class)
	}
	for range 8 {
		c = polymod(c, 0)
	}
	c ^= 1
	sum := make([]byte, 8)
	for i := range sum {
		sum[i] = checksumChars[c>>(5*(7-i))&31]
	}
	return string(sum)
}
