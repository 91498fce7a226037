package main

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/txscript/v2"
)

// keys is how many accounts there are.
const keys = 256

// account is one key in its forms.
type account struct {
	key     *btcec.PrivateKey
	public  []byte            // compressed
	tweaked *btcec.PrivateKey // BIP86: of an output without scripts
}

func newAccount(n int) account {
	seed := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("chain of the benchmark"), uint64(n)))
	key, _ := btcec.PrivKeyFromBytes(seed[:])
	return account{key: key, public: key.PubKey().SerializeCompressed(), tweaked: txscript.TweakTaprootPrivKey(*key, nil)}
}

// xOnly is the public key as BIP340 writes it.
func (a *account) xOnly() []byte { return a.public[1:] }

// owner is whose keys lock an output: those of a first account and of the ones
// after it. The salt decides what differs among outputs of the same keys.
type owner struct {
	accounts []account
	first    uint16
	salt     uint32
}

// key returns the account that many places after the first.
func (o owner) key(i int) *account { return &o.accounts[(int(o.first)+i)%len(o.accounts)] }

// digest is 32 bytes that follow from the owner, for a purpose.
func (o owner) digest(purpose string) [sha256.Size]byte {
	text := binary.BigEndian.AppendUint16([]byte(purpose), o.first)
	return sha256.Sum256(binary.BigEndian.AppendUint32(text, o.salt))
}

// choice is true for half of all salts, and false for 0.
func (o owner) choice() bool { return o.salt>>16&1 == 1 }
