package config

import (
	"math"
	"strconv"
	"strings"
)

// byteUnits are the suffixes of amounts of bytes, as Bitcoin Core has them: small letters
// go by thousands, large ones by 1024.
var byteUnits = map[string]int64{
	"": 1, "k": 1e3, "K": 1 << 10, "m": 1e6, "M": 1 << 20, "g": 1e9, "G": 1 << 30, "t": 1e12, "T": 1 << 40,
}

// ParseBytes reads an amount of bytes, a number with or without a unit such as 5, 300k
// or 2M. ok is false for anything else, and for more than fits.
func ParseBytes(text string) (n int64, ok bool) {
	number := strings.TrimRight(text, "kKmMgGtT")
	unit, known := byteUnits[text[len(number):]]
	n, err := strconv.ParseInt(number, 10, 64)
	if !known || err != nil || n < 0 || n > math.MaxInt64/unit || strings.HasPrefix(number, "+") {
		return 0, false
	}
	return n * unit, true
}

// Bytes reads a setting that is a number of bytes with a unit, M if it has none; zero if
// it was not given.
func (s *Settings) Bytes(name string) (uint64, error) {
	text := s.Text(name, "0")
	withUnit := text
	if strings.TrimRight(text, "kKmMgGtT") == text {
		withUnit += "M"
	}
	n, ok := ParseBytes(withUnit)
	if !ok {
		return 0, Complain("Unable to parse -%s: '%s'", name, text)
	}
	return uint64(n), nil
}
