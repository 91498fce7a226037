package rest

import (
	"strconv"
	"strings"
)

// request is one that is being read.
type request struct {
	target string
	param  string // of the target, between prefix and format
	format format
	body   []byte
}

// parameter returns the first parameter of a name in the target's query. As in Bitcoin
// Core a plus sign stays one, and so does a percent sign before anything but two digits.
func (r *request) parameter(name, fallback string) string {
	_, query, ok := strings.Cut(r.target, "?")
	if !ok {
		return fallback
	}
	query, _, _ = strings.Cut(query, "#")
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if Unescape(key) == name {
			return Unescape(value)
		}
	}
	return fallback
}

// Unescape decodes the percent signs of a target, and leaves alone those that encode
// nothing.
func Unescape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) && isHex(text[i+1:i+3]) {
			// Two digits are a byte.
			n, _ := strconv.ParseUint(text[i+1:i+3], 16, 8)
			b.WriteByte(byte(n))
			i += 2
			continue
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func isHex(text string) bool {
	for i := range len(text) {
		if !isHexDigit(text[i]) {
			return false
		}
	}
	return true
}

func isHexDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// isHash reports whether a text is a hash in hexadecimal.
func isHash(text string) bool { return len(text) == 64 && isHex(text) }

// number reads an unsigned number without a sign.
func number(text string, bits int) (uint64, bool) {
	n, err := strconv.ParseUint(text, 10, bits)
	return n, err == nil
}

// safe keeps of a text what may stand in a URI.
func safe(text string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("!*'();:@&=+$,/?#[]-_.~%", c) {
			return c
		}
		return -1
	}, text)
}
