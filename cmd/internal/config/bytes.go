package config

import (
	"math"
	"strconv"
	"strings"
)

// byteUnits are Bitcoin Core's: small letters go by thousands, large ones by 1024.
var byteUnits = map[string]uint64{
	"k": 1e3, "K": 1 << 10, "m": 1e6, "M": 1 << 20, "g": 1e9, "G": 1 << 30, "t": 1e12, "T": 1 << 40,
}

// Bytes reads a setting that is a number of bytes with a unit, M if it has none; zero if
// it was not given.
func (s *Settings) Bytes(name string) (uint64, error) {
	text := s.Text(name, "0")
	digits := strings.TrimRight(text, "kKmMgGtT")
	unit, known := byteUnits[text[len(digits):]]
	if text == digits {
		unit, known = byteUnits["M"], true
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || !known || n > math.MaxUint64/unit || strings.HasPrefix(digits, "+") {
		return 0, Complain("Unable to parse -%s: '%s'", name, text)
	}
	return n * unit, nil
}
