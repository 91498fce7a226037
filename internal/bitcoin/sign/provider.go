package sign

import (
	"slices"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
)

// KeyID is the HASH160 of a public key, or of a script.
type KeyID [20]byte

// IDOf returns the HASH160 of a public key or a script.
func IDOf(data []byte) KeyID { return KeyID(address.Hash160(data)) }

// Origin tells how a key was derived (BIP32): from which master key, and by which
// steps, hardened ones with the highest bit.
type Origin struct {
	Fingerprint [4]byte
	Path        []uint32
}

// KeyOrigin is a public key with its origin.
type KeyOrigin struct {
	Key []byte
	Origin
}

// XOnly is a public key of BIP340.
type XOnly [32]byte

// compressedKeys returns the two public keys that a key of BIP340 may be.
func (x XOnly) compressedKeys() [2][]byte {
	return [2][]byte{append([]byte{2}, x[:]...), append([]byte{3}, x[:]...)}
}

// Secret is a private key, with the form of public key that it is used for.
type Secret struct {
	Key        *btcec.PrivateKey
	Compressed bool
}

func (s Secret) public() []byte {
	if s.Compressed {
		return s.Key.PubKey().SerializeCompressed()
	}
	return s.Key.PubKey().SerializeUncompressed()
}

// Provider is what somebody knows who signs. The zero Provider knows nothing.
type Provider struct {
	secrets map[KeyID]Secret
	keys    map[KeyID][]byte
	origins map[KeyID]KeyOrigin
	scripts map[KeyID][]byte
	taproot map[XOnly]XOnly // output key to internal key

	// HideSecrets and HideOrigins make it pretend not to know them.
	HideSecrets, HideOrigins bool
}

// put adds to a map that may not be there yet.
func put[K comparable, V any](m *map[K]V, key K, value V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[key] = value
}

// AddSecret adds a private key, which Zero wipes, and its public key. One that is there
// already is wiped at once.
func (p *Provider) AddSecret(s Secret) {
	public := s.public()
	p.AddKey(public)
	id := IDOf(public)
	if old, there := p.secrets[id]; there {
		if old.Key != s.Key {
			s.Key.Zero()
		}
		return
	}
	put(&p.secrets, id, s)
}

// AddKey adds a public key.
func (p *Provider) AddKey(public []byte) { put(&p.keys, IDOf(public), public) }

// AddOrigin adds where a public key comes from. What was said first of a key stays.
func (p *Provider) AddOrigin(o KeyOrigin) {
	if _, there := p.origins[IDOf(o.Key)]; !there {
		put(&p.origins, IDOf(o.Key), o)
	}
}

// AddScript adds a redeem or witness script.
func (p *Provider) AddScript(script []byte) { put(&p.scripts, IDOf(script), script) }

// AddTaproot adds the internal key of an output key that commits to no script.
func (p *Provider) AddTaproot(output, internal XOnly) { put(&p.taproot, output, internal) }

// Zero wipes the private keys.
func (p *Provider) Zero() {
	for _, s := range p.secrets {
		s.Key.Zero()
	}
	clear(p.secrets)
}

func (p *Provider) secret(id KeyID) (Secret, bool) {
	if p.HideSecrets {
		return Secret{}, false
	}
	s, ok := p.secrets[id]
	return s, ok
}

func (p *Provider) secretOf(x XOnly) (*btcec.PrivateKey, bool) {
	for _, public := range x.compressedKeys() {
		if s, ok := p.secret(IDOf(public)); ok {
			return s.Key, true
		}
	}
	return nil, false
}

func (p *Provider) origin(id KeyID) (KeyOrigin, bool) {
	if p.HideOrigins {
		return KeyOrigin{}, false
	}
	o, ok := p.origins[id]
	return o, ok
}

func (p *Provider) originOf(x XOnly) (Origin, bool) {
	for _, public := range x.compressedKeys() {
		if o, ok := p.origin(IDOf(public)); ok {
			return o.Origin, true
		}
	}
	return Origin{}, false
}

// Script returns the script that somebody pays to by its HASH160.
func (p *Provider) Script(id KeyID) ([]byte, bool) {
	script, ok := p.scripts[id]
	return script, ok
}

// Compare orders origins as Bitcoin Core's KeyOriginInfo: by fingerprint, then by the
// number of steps, then by the steps.
func (o Origin) Compare(other Origin) int {
	if c := slices.Compare(o.Fingerprint[:], other.Fingerprint[:]); c != 0 {
		return c
	}
	if c := len(o.Path) - len(other.Path); c != 0 {
		return c
	}
	return slices.Compare(o.Path, other.Path)
}
