package secure

import (
	"encoding/binary"
	"fmt"
	"strings"
)

const z85Alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

// EncodeZ85 writes src, whose length must be a multiple of 4, as Z85 text of
// five characters for four bytes (ZeroMQ RFC 32).
func EncodeZ85(src []byte) (string, error) {
	if len(src)%4 != 0 {
		return "", fmt.Errorf("z85: %d bytes are not a multiple of 4", len(src))
	}
	text := make([]byte, 0, len(src)/4*5)
	for ; len(src) > 0; src = src[4:] {
		value := binary.BigEndian.Uint32(src)
		var group [5]byte
		for i := range group {
			group[4-i] = z85Alphabet[value%85]
			value /= 85
		}
		text = append(text, group[:]...)
	}
	return string(text), nil
}

// DecodeZ85 is the inverse of EncodeZ85. A length that is no multiple of 5, a
// character outside the alphabet and a group over 2^32-1 are errors; none of
// them quotes the text, which may be a secret.
func DecodeZ85(text string) ([]byte, error) {
	if len(text)%5 != 0 {
		return nil, fmt.Errorf("z85: %d characters are not a multiple of 5", len(text))
	}
	out := make([]byte, 0, len(text)/5*4)
	for start := 0; start < len(text); start += 5 {
		value := uint64(0)
		for i := range 5 {
			digit := strings.IndexByte(z85Alphabet, text[start+i])
			if digit < 0 {
				return nil, fmt.Errorf("z85: character %d is not in the alphabet", start+i+1)
			}
			value = value*85 + uint64(digit)
		}
		if value > 1<<32-1 {
			return nil, fmt.Errorf("z85: the group at character %d is over 32 bits", start+1)
		}
		out = binary.BigEndian.AppendUint32(out, uint32(value))
	}
	return out, nil
}
