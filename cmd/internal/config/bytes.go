package config

import (
	"math"
	"strconv"
	"strings"
)

// byteUnits are the suffixes of amounts of bytes, as Bitcoin Core has them.
var byteUnits = map[string]int64{
	"": 1, "k": 1e3, "K": 1 << 10, "m": 1e6, "M": 1 << 20, "g": 1e9, "G": 1 << 30, "t": 1e12, "T": 1 << 40,
}

// ParseBytes reads an amount of bytes, a number with or without a unit such as 5, 300k
// or 2M. ok is false for anything else, and for more than fits.
func ParseBytes(text string) (n int64, ok bool) {
	number := strings.TrimRight(text, "kKmMgGtT")
	unit, known := byteUnits[text[len(number):]]
	n, err := strconv.ParseInt(number, 10, 64)
	if !known || err != nil || n < 0 || n > math.MaxInt64/unit {
		return 0, false
	}
	return n * unit, true
}
