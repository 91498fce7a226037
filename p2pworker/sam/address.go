package sam

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
)

// Parts of a destination in bytes ("Common structures" of I2P): keys, then a certificate
// behind its type and its length, which is big-endian.
const (
	keyBytes         = 384
	certificateHead  = 3
	maxCertificate   = 1024
	destinationBytes = keyBytes + certificateHead
)

// Base64 is I2P's, which can be in a file's name.
var Base64 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-~")

var errNoDestination = errors.New("it is no destination of I2P")

// Address returns the address of a destination, or of a private key, which begins with
// one; both are in I2P's base64. It ends with .b32.i2p.
func Address(destination string) (string, error) {
	raw, err := Base64.DecodeString(destination)
	if err != nil || len(raw) < destinationBytes {
		return "", errNoDestination
	}
	certificate := int(binary.BigEndian.Uint16(raw[keyBytes+1:]))
	if certificate > maxCertificate || len(raw) < destinationBytes+certificate {
		return "", errNoDestination
	}
	hash := sha256.Sum256(raw[:destinationBytes+certificate])
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(hash[:])) + ".b32.i2p", nil
}
