package transport

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"slices"

	"golang.org/x/crypto/chacha20"
	"golang.org/x/crypto/chacha20poly1305"
)

// Sizes of a v2 packet, in bytes (BIP324, "Packet encryption"): the encrypted
// length of the contents, little endian; then, as one ciphertext with its tag, the
// header byte and the contents.
const (
	lengthSize     = 3
	packetHeader   = 1
	packetTag      = chacha20poly1305.Overhead
	packetOverhead = lengthSize + packetHeader + packetTag
)

// ignoreBit of the header byte marks a decoy.
const ignoreBit = 0x80

// rekeyInterval is the number of packets after which the keys of a direction are
// replaced, so that who gets one cannot read what was sent before (BIP324,
// REKEY_INTERVAL).
const rekeyInterval = 224

var errNotAuthentic = errors.New("not authentic")

// packetCipher encrypts the packets of one direction, or decrypts them, in their
// order. After an error it is of no use.
//
// It keys ChaCha20 and ChaCha20-Poly1305 anew as FSChaCha20 and
// FSChaCha20Poly1305 of BIP324. The types of these names in btcd's v2transport
// return each text in memory of its own; here a block is decrypted where it was
// received.
type packetCipher struct {
	lengths  *chacha20.Cipher
	contents cipher.AEAD
	count    uint64 // of packets so far
	length   [lengthSize]byte
	nonce    [chacha20poly1305.NonceSize]byte
}

type key = [chacha20poly1305.KeySize]byte

// newPacketCipher begins with two keys, and wipes them.
func newPacketCipher(lengthKey, contentKey *key) (*packetCipher, error) {
	c := &packetCipher{}
	return c, c.rekey(lengthKey, contentKey)
}

func (c *packetCipher) rekey(lengthKey, contentKey *key) (err error) {
	c.setNonce(0)
	if c.lengths, err = chacha20.NewUnauthenticatedCipher(lengthKey[:], c.nonce[:]); err != nil {
		return err
	}
	c.contents, err = chacha20poly1305.New(contentKey[:])
	clear(lengthKey[:])
	clear(contentKey[:])
	return err
}

// setNonce makes the nonce of a packet of the present keys: its number, and how
// often keys were replaced, both little endian.
func (c *packetCipher) setNonce(packet uint32) {
	binary.LittleEndian.PutUint32(c.nonce[:4], packet)
	binary.LittleEndian.PutUint64(c.nonce[4:], c.count/rekeyInterval)
}

// nextKey is the number of a packet that is never sent: it gives the next key.
const nextKey = 0xffffffff

// advance counts a packet, and replaces the keys when it is time.
func (c *packetCipher) advance() error {
	if (c.count+1)%rekeyInterval != 0 {
		c.count++
		return nil
	}
	var lengthKey, contentKey key
	c.lengths.XORKeyStream(lengthKey[:], lengthKey[:])
	var zeros [len(contentKey) + packetTag]byte
	c.setNonce(nextKey)
	next := c.contents.Seal(zeros[:0], c.nonce[:], zeros[:len(contentKey)], nil)
	copy(contentKey[:], next)
	clear(zeros[:])
	c.count++
	return c.rekey(&lengthKey, &contentKey)
}

// begin appends the head of a packet, of which size bytes of contents are to follow
// before finish.
func (c *packetCipher) begin(dst []byte, size int, decoy bool) []byte {
	c.length = [lengthSize]byte{byte(size), byte(size >> 8), byte(size >> 16)}
	c.lengths.XORKeyStream(c.length[:], c.length[:])
	dst = append(dst, c.length[:]...)
	if decoy {
		return append(dst, ignoreBit)
	}
	return append(dst, 0)
}

// finish encrypts what begin and the caller have appended to nothing. It does so in
// place, if there is room for the tag.
func (c *packetCipher) finish(packet, aad []byte) ([]byte, error) {
	c.setNonce(uint32(c.count % rekeyInterval))
	packet = slices.Grow(packet, packetTag)
	text := packet[lengthSize:]
	c.contents.Seal(text[:0], c.nonce[:], text, aad)
	return packet[:len(packet)+packetTag], c.advance()
}

// size decrypts the size of the contents that are to follow, in bytes.
func (c *packetCipher) size(length [lengthSize]byte) int {
	c.length = length
	c.lengths.XORKeyStream(c.length[:], c.length[:])
	return int(c.length[0]) | int(c.length[1])<<8 | int(c.length[2])<<16
}

// open decrypts what follows the length, in place.
func (c *packetCipher) open(sealed, aad []byte) (contents []byte, decoy bool, err error) {
	c.setNonce(uint32(c.count % rekeyInterval))
	text, err := c.contents.Open(sealed[:0], c.nonce[:], sealed, aad)
	if err != nil || len(text) < packetHeader {
		return nil, false, errNotAuthentic
	}
	return text[packetHeader:len(text):len(text)], text[0]&ignoreBit != 0, c.advance()
}
