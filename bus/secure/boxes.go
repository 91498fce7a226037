package secure

import (
	"crypto/subtle"
	"encoding/binary"
	"io"

	"golang.org/x/crypto/nacl/box"
	"golang.org/x/crypto/nacl/secretbox"
)

// Sizes of command bodies and their parts in bytes (RFC 26).
const (
	boxBytes      = box.Overhead
	nonceBytes    = 8
	longNonce     = 16
	cookieBytes   = longNonce + 2*keyBytes + boxBytes
	vouchBytes    = longNonce + 2*keyBytes + boxBytes
	helloBytes    = 200
	welcomeBytes  = 168
	initiateLeast = 257 // with no metadata
	initiateMost  = 1024
	readyLeast    = 30 // with no metadata
	readyMost     = 1024
	messageHead   = 16 // name and nonce
	messageMore   = messageHead + boxBytes + 1
)

// nonce is a box's 24-byte nonce: a prefix that names the command, and a
// number or random bytes.
type nonce = [24]byte

func numbered(prefix string, n uint64) *nonce {
	var full nonce
	copy(full[:], prefix)
	binary.BigEndian.PutUint64(full[len(full)-nonceBytes:], n)
	return &full
}

func random(prefix string, sixteen []byte) *nonce {
	var full nonce
	copy(full[:], prefix)
	copy(full[len(full)-longNonce:], sixteen)
	return &full
}

// appendRandomBox appends a fresh 16-byte nonce and the box of plain.
func appendRandomBox(b []byte, rand io.Reader, prefix string, plain []byte, key *[keyBytes]byte) ([]byte, error) {
	var sixteen [longNonce]byte
	if _, err := io.ReadFull(rand, sixteen[:]); err != nil {
		return nil, err
	}
	b = append(b, sixteen[:]...)
	return secretbox.Seal(b, plain, random(prefix, sixteen[:]), key), nil
}

// openRandomBox opens what appendRandomBox made.
func openRandomBox(sealed []byte, prefix string, key *[keyBytes]byte) ([]byte, bool) {
	return secretbox.Open(nil, sealed[longNonce:], random(prefix, sealed[:longNonce]), key)
}

// appendNumberedBox appends the 8-byte number n and the box of plain.
func appendNumberedBox(b []byte, prefix string, n uint64, plain []byte, key *[keyBytes]byte) []byte {
	b = binary.BigEndian.AppendUint64(b, n)
	return secretbox.Seal(b, plain, numbered(prefix, n), key)
}

// openNumberedBox opens what appendNumberedBox made.
func openNumberedBox(sealed []byte, prefix string, key *[keyBytes]byte) (plain []byte, n uint64, ok bool) {
	n = binary.BigEndian.Uint64(sealed)
	plain, ok = secretbox.Open(nil, sealed[nonceBytes:], numbered(prefix, n), key)
	return plain, n, ok
}

// lowOrderKey is the shared key that every secret has with a public key of low
// order: HSalsa20 of zeros.
const lowOrderKey = "\x35\x1f\x86\xfa\xa3\xb9\x88\x46\x8a\x85\x01\x22\xb6\x5b\x0a\xce" +
	"\xce\x9c\x48\x26\x80\x6a\xee\xe6\x3d\xe9\xc0\xda\x2b\xd7\xf9\x1e"

// precompute is the key that the holders of a secret and of the other's
// public key share. A public key of low order is an error: everybody would
// hold that key.
func precompute(public [keyBytes]byte, secret *Key) (*[keyBytes]byte, error) {
	shared := new([keyBytes]byte)
	box.Precompute(shared, &public, (*[keyBytes]byte)(secret))
	if subtle.ConstantTimeCompare(shared[:], []byte(lowOrderKey)) == 1 {
		return nil, &Error{Kind: ErrForged, Detail: "a public key of low order"}
	}
	return shared, nil
}

// ephemeral makes a key that lives for one handshake.
func ephemeral(rand io.Reader) (*Key, error) {
	secret := new(Key)
	_, err := io.ReadFull(rand, secret[:])
	return secret, err
}

// wipe overwrites secrets that are no longer needed; nil ones are passed over.
func wipe(secrets ...*[keyBytes]byte) {
	for _, s := range secrets {
		if s != nil {
			clear(s[:])
		}
	}
}

// session is what a handshake leaves behind.
type session struct {
	key        *[keyBytes]byte // of C' and S'
	sendPrefix string
	recvPrefix string
	sent       uint64 // last number used by this side
	received   uint64 // last number used by the peer
	peer       PublicKey
	meta       metadata // the peer's
}
