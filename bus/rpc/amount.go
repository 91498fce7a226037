package rpc

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/amount"
)

// Amount is what commands take and return: satoshi, in JSON a number of bitcoins
// with exactly eight decimals.
type Amount = amount.Amount

// ParseAmount reads a JSON number or string of bitcoins.
func ParseAmount(value json.RawMessage) (Amount, error) {
	var text string
	switch typeOf(value) {
	case Number:
		text = strings.TrimSpace(string(value))
	case String:
		if err := json.Unmarshal(value, &text); err != nil {
			return 0, Errorf(TypeError, "Invalid amount")
		}
	default:
		return 0, Errorf(TypeError, "Amount is not a number or string")
	}
	sat, ok := parseFixedPoint(text)
	if !ok {
		return 0, Errorf(TypeError, "Invalid amount")
	}
	if sat < 0 || Amount(sat) > amount.Max {
		return 0, Errorf(TypeError, "Amount out of range")
	}
	return Amount(sat), nil
}

// parseFixedPoint reads a decimal with an optional exponent as a multiple of
// 10^-8. It fails on more precision than that, and on overflow.
func parseFixedPoint(text string) (int64, bool) {
	negative := strings.HasPrefix(text, "-")
	text = strings.TrimPrefix(text, "-")
	digits, shift, ok := splitDecimal(text)
	if !ok {
		return 0, false
	}
	digits = strings.TrimLeft(digits, "0")
	for ; shift < 0; shift++ {
		if digits == "" {
			break
		}
		if !strings.HasSuffix(digits, "0") {
			return 0, false
		}
		digits = digits[:len(digits)-1]
	}
	if digits == "" {
		return 0, true
	}
	digits += strings.Repeat("0", max(shift, 0))
	if len(digits) > 18 {
		return math.MaxInt64, true // out of range, not malformed
	}
	value := int64(0)
	for _, d := range digits {
		value = value*10 + int64(d-'0')
	}
	if negative {
		value = -value
	}
	return value, true
}

// splitDecimal returns the digits of a decimal and by how many places they have
// to be shifted to the left to count 10^-8.
func splitDecimal(text string) (digits string, shift int, ok bool) {
	mantissa, power, hasExponent := strings.Cut(strings.ToLower(text), "e")
	exponent := 0
	if hasExponent {
		var err error
		if exponent, err = strconv.Atoi(power); err != nil || exponent < -30 || exponent > 30 {
			return "", 0, false
		}
	}
	whole, fraction, hasFraction := strings.Cut(mantissa, ".")
	digits = whole + fraction
	switch {
	case whole == "", hasFraction && fraction == "", strings.Trim(digits, "0123456789") != "":
		return "", 0, false
	case len(whole) > 1 && whole[0] == '0':
		return "", 0, false
	}
	return digits, 8 + exponent - len(fraction), true
}
