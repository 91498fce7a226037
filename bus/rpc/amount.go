package rpc

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// Amount is an amount in satoshi. In JSON it is a number of bitcoins with
// exactly eight decimals.
type Amount int64

const (
	coin     = 100_000_000
	maxMoney = 21_000_000 * coin
)

func (a Amount) String() string {
	sign := ""
	if a < 0 {
		sign, a = "-", -a
	}
	return fmt.Sprintf("%s%d.%08d", sign, int64(a)/coin, int64(a)%coin)
}

// MarshalJSON writes a number with eight decimals.
func (a Amount) MarshalJSON() ([]byte, error) { return []byte(a.String()), nil }

// ParseAmount reads a JSON number or string of bitcoins.
func ParseAmount(value json.RawMessage) (Amount, error) {
	var text string
	switch typeOf(value) {
	case Number:
		text = string(value)
	case String:
		if err := json.Unmarshal(value, &text); err != nil {
			return 0, Errorf(TypeError, "Invalid amount")
		}
	default:
		return 0, Errorf(TypeError, "Amount is not a number or string")
	}
	sat, ok := parseFixedPoint(strings.TrimSpace(text))
	if !ok {
		return 0, Errorf(TypeError, "Invalid amount")
	}
	if sat < 0 || sat > maxMoney {
		return 0, Errorf(TypeError, "Amount out of range")
	}
	return Amount(sat), nil
}

// parseFixedPoint reads a decimal with an optional exponent as a multiple of
// 10^-8. It fails on more precision than that, and on overflow.
func parseFixedPoint(text string) (int64, bool) {
	negative := strings.HasPrefix(text, "-")
	text = strings.TrimPrefix(text, "-")
	mantissa, exponentText, hasExponent := strings.Cut(strings.ToLower(text), "e")
	exponent := 0
	if hasExponent {
		if n, err := fmt.Sscanf(exponentText, "%d", &exponent); n != 1 || err != nil || exponent < -30 || exponent > 30 {
			return 0, false
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := whole + fraction
	if whole == "" || digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	shift := 8 + exponent - len(fraction)
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
