package transport

import (
	"crypto/hkdf"
	"crypto/sha256"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ellswift"
)

// Sizes of what precedes the first packet, in bytes (BIP324, "Handshake").
const (
	keySize        = 64 // a public key in ElligatorSwift encoding
	maxGarbage     = 4095
	terminatorSize = 16 // what ends the garbage
)

// ephemeralKey is our half of a key exchange. It is used once.
type ephemeralKey struct {
	private *btcec.PrivateKey
	public  [keySize]byte
}

func newEphemeralKey() (k ephemeralKey, err error) {
	k.private, k.public, err = ellswift.EllswiftCreate()
	return k, err
}

// channel is what both sides know after the key exchange.
type channel struct {
	id                                [sha256.Size]byte // the session ID
	send, receive                     *packetCipher
	sendTerminator, receiveTerminator [terminatorSize]byte
}

// agree makes the keys of both directions of our key and the peer's, of which any
// 64 bytes are one. Our private key is wiped. magic is that of the network.
func (k ephemeralKey) agree(theirs [keySize]byte, initiator bool, magic [4]byte) (*channel, error) {
	defer k.private.Zero()
	secret, err := ellswift.V2Ecdh(k.private, theirs, k.public, initiator)
	if err != nil {
		return nil, err
	}
	defer clear(secret[:])
	return newChannel(secret[:], initiator, magic)
}

// newChannel derives keys from the shared secret (BIP324, "Keys and session ID
// derivation").
func newChannel(secret []byte, initiator bool, magic [4]byte) (*channel, error) {
	prk, err := hkdf.Extract(sha256.New, secret, append([]byte("bitcoin_v2_shared_secret"), magic[:]...))
	if err != nil {
		return nil, err
	}
	defer clear(prk)
	var derived [6]key
	for i, purpose := range [...]string{"initiator_L", "initiator_P", "responder_L", "responder_P", "garbage_terminators", "session_id"} {
		okm, err := hkdf.Expand(sha256.New, prk, purpose, len(key{}))
		if err != nil {
			return nil, err
		}
		copy(derived[i][:], okm)
		clear(okm)
	}
	c := &channel{id: derived[5]}
	copy(c.sendTerminator[:], derived[4][:terminatorSize])
	copy(c.receiveTerminator[:], derived[4][terminatorSize:])
	if c.send, err = newPacketCipher(&derived[0], &derived[1]); err != nil {
		return nil, err
	}
	if c.receive, err = newPacketCipher(&derived[2], &derived[3]); err != nil {
		return nil, err
	}
	clear(derived[:])
	if !initiator {
		c.send, c.receive = c.receive, c.send
		c.sendTerminator, c.receiveTerminator = c.receiveTerminator, c.sendTerminator
	}
	return c, nil
}
