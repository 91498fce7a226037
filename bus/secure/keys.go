package secure

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"

	"golang.org/x/crypto/curve25519"
)

const (
	keyBytes = 32
	redacted = "[secret]"
)

// Key is a secret Curve25519 key. No formatting verb, logger or text encoder
// prints it.
type Key [keyBytes]byte

// PublicKey is a public Curve25519 key. It prints as Z85.
type PublicKey [keyBytes]byte

// Generate makes a secret key from the system's randomness.
func Generate() Key {
	var k Key
	// crypto/rand ends the program rather than return an error.
	_, _ = rand.Read(k[:])
	return k
}

// ParseKey reads a secret key of 40 Z85 characters.
func ParseKey(text string) (Key, error) {
	raw, err := parseKey(text)
	return Key(raw), err
}

// ParsePublicKey reads a public key of 40 Z85 characters.
func ParsePublicKey(text string) (PublicKey, error) {
	raw, err := parseKey(text)
	return PublicKey(raw), err
}

func parseKey(text string) (key [keyBytes]byte, err error) {
	if len(text) != keyBytes/4*5 {
		return key, fmt.Errorf("a key has %d characters of z85, not %d", keyBytes/4*5, len(text))
	}
	raw, err := DecodeZ85(text)
	if err != nil {
		return key, err
	}
	copy(key[:], raw)
	clear(raw)
	return key, nil
}

// Public computes the public key that belongs to k.
func (k Key) Public() PublicKey {
	var public [keyBytes]byte
	curve25519.ScalarBaseMult(&public, (*[keyBytes]byte)(&k))
	return public
}

// IsZero tells whether k is unset.
func (k Key) IsZero() bool { return k == Key{} }

// Reveal returns k as Z85: for key files and for handing it to a peer's
// library, never for people.
func (k Key) Reveal() string { return z85Key(k) }

// String hides k.
func (Key) String() string { return redacted }

// GoString hides k.
func (Key) GoString() string { return redacted }

// Format hides k from every verb, %x and %d too.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue hides k.
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides k, from encoding/json too.
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// String returns k as Z85.
func (k PublicKey) String() string { return z85Key(k) }

// MarshalText returns k as Z85.
func (k PublicKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

func z85Key(k [keyBytes]byte) string {
	text, _ := EncodeZ85(k[:]) // 32 is a multiple of 4
	return text
}
