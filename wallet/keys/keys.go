package keys

import (
	"fmt"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/txscript/v2"
)

// SeedBytes is the length of a wallet's seed (BIP32 allows 16 to 64).
const SeedBytes = 32

// Purpose of the keys' paths, from BIP84.
const purpose = 84

// Branch tells what a key is for (BIP44, "Change").
type Branch uint32

// The branches of an account.
const (
	External Branch = 0 // receiving addresses
	Change   Branch = 1
)

// Path is a key's place in account 0.
type Path struct {
	Branch Branch
	Index  uint32
}

// Account derives the keys of account 0.
type Account struct {
	params   *chaincfg.Params
	branches [2]*hdkeychain.ExtendedKey
	origin   string // m/84h/coinh/0h
	prints   uint32 // fingerprint of the master key
}

// NewAccount derives the account of a seed. The seed is not kept.
func NewAccount(seed []byte, params *chaincfg.Params) (*Account, error) {
	master, err := hdkeychain.NewMaster(seed, params)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	defer master.Zero()
	a := &Account{params: params, origin: fmt.Sprintf("m/%dh/%dh/0h", purpose, params.HDCoinType)}
	pub, err := master.ECPubKey()
	if err != nil {
		return nil, err
	}
	print := address.Hash160(pub.SerializeCompressed())
	a.prints = uint32(print[0])<<24 | uint32(print[1])<<16 | uint32(print[2])<<8 | uint32(print[3])
	key := master
	for _, step := range []uint32{purpose, params.HDCoinType, 0} {
		if key, err = key.Derive(hdkeychain.HardenedKeyStart + step); err != nil {
			return nil, fmt.Errorf("account key: %w", err)
		}
		defer key.Zero()
	}
	for branch := range a.branches {
		if a.branches[branch], err = key.Derive(uint32(branch)); err != nil {
			return nil, fmt.Errorf("branch key: %w", err)
		}
	}
	return a, nil
}

// Zero wipes the private keys.
func (a *Account) Zero() {
	for _, branch := range a.branches {
		branch.Zero()
	}
}

// Fingerprint of the master key (BIP32), as descriptors show it.
func (a *Account) Fingerprint() string { return fmt.Sprintf("%08x", a.prints) }

// PathText shows a path from the master key on.
func (a *Account) PathText(p Path) string {
	return fmt.Sprintf("%s/%d/%d", a.origin, p.Branch, p.Index)
}

// Address returns the P2WPKH address of a path.
func (a *Account) Address(p Path) (address.Address, error) {
	pub, err := a.PublicKey(p)
	if err != nil {
		return nil, err
	}
	return address.NewAddressWitnessPubKeyHash(address.Hash160(pub), a.params)
}

// PublicKey returns the compressed public key of a path.
func (a *Account) PublicKey(p Path) ([]byte, error) {
	key, err := a.derive(p)
	if err != nil {
		return nil, err
	}
	defer key.Zero()
	pub, err := key.ECPubKey()
	if err != nil {
		return nil, err
	}
	return pub.SerializeCompressed(), nil
}

// PrivateKey returns the private key of a path; the caller wipes it.
func (a *Account) PrivateKey(p Path) (*btcec.PrivateKey, error) {
	key, err := a.derive(p)
	if err != nil {
		return nil, err
	}
	defer key.Zero()
	return key.ECPrivKey()
}

// Script returns the output script of a path.
func (a *Account) Script(p Path) ([]byte, error) {
	addr, err := a.Address(p)
	if err != nil {
		return nil, err
	}
	return txscript.PayToAddrScript(addr)
}

func (a *Account) derive(p Path) (*hdkeychain.ExtendedKey, error) {
	if p.Branch > Change {
		return nil, fmt.Errorf("branch %d", p.Branch)
	}
	key, err := a.branches[p.Branch].Derive(p.Index)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", a.PathText(p), err)
	}
	return key, nil
}
