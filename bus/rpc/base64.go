package rpc

import (
	"encoding/base64"
	"strings"
)

// DecodeBase64 decodes base64 (RFC 4648, section 4) with padding, and nothing that
// is not the one way to write some bytes.
func DecodeBase64(text string) ([]byte, bool) {
	// The decoder would pass over the ends of lines.
	if strings.ContainsAny(text, "\r\n") {
		return nil, false
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	return raw, err == nil
}
