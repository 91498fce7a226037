package descriptor

import (
	"encoding/hex"
	"strings"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
)

// Provide adds to what is known for signing the keys and scripts at a position of the
// wildcard, and private keys with secrets: who asks for them wipes them. It fails with
// ErrPrivate as Expand does.
func (d *Descriptor) Provide(position uint32, known *sign.Provider, secrets bool) error {
	if d.inner != nil {
		if err := d.inner.Provide(position, known, secrets); err != nil {
			return err
		}
		scripts, err := d.inner.expand(position)
		if err != nil {
			return err
		}
		known.AddScript(scripts[0].Script)
		return nil
	}
	for _, k := range d.keys {
		public, err := k.provide(position, known, secrets)
		if err != nil {
			return err
		}
		switch d.name {
		case "combo":
			if len(public) == btcec.PubKeyBytesLenCompressed {
				known.AddScript(output.PayToWitnessKeyHash(address.Hash160(public)))
			}
		case "tr":
			internal, err := schnorr.ParsePubKey(public[1:])
			if err != nil {
				return err
			}
			made := schnorr.SerializePubKey(txscript.ComputeTaprootKeyNoScript(internal))
			known.AddTaproot(sign.XOnly(made), sign.XOnly(public[1:]))
		}
	}
	return nil
}

// provide adds a key, and returns it with its sign if it was given without.
func (k *key) provide(position uint32, known *sign.Provider, secrets bool) ([]byte, error) {
	d, err := k.at(position)
	if err != nil {
		return nil, err
	}
	public := d.public
	if len(public) == 32 {
		public = append([]byte{2}, public...)
	}
	o := sign.KeyOrigin{Key: public}
	if k.extended == nil && k.origin == "" {
		o.Fingerprint = [4]byte(address.Hash160(public)[:4])
	} else if o.Origin, err = parseOrigin(d.origin); err != nil {
		return nil, err
	}
	known.AddKey(public)
	known.AddOrigin(o)
	if !secrets || !k.private {
		return public, nil
	}
	return public, k.provideSecret(position, known, len(public) == btcec.PubKeyBytesLenCompressed)
}

func (k *key) provideSecret(position uint32, known *sign.Provider, compressed bool) error {
	if k.extended == nil {
		known.AddSecret(sign.Secret{Key: btcec.PrivKeyFromScalar(&k.secret.Key), Compressed: compressed})
		return nil
	}
	child, _, err := k.child(position)
	if err != nil {
		return err
	}
	secret, err := child.ECPrivKey()
	if err != nil {
		return err
	}
	if child != k.base {
		child.Zero()
	}
	known.AddSecret(sign.Secret{Key: secret, Compressed: true})
	return nil
}

// parseOrigin reads an origin as derived has it.
func parseOrigin(text string) (o sign.Origin, err error) {
	steps := strings.Split(text, "/")
	if _, err := hex.Decode(o.Fingerprint[:], []byte(steps[0])); err != nil {
		return o, err
	}
	for _, text := range steps[1:] {
		index, err := parseStep(text)
		if err != nil {
			return o, err
		}
		o.Path = append(o.Path, uint32(index))
	}
	return o, nil
}

// Zero wipes the private keys. The descriptor is of no use after that.
func (d *Descriptor) Zero() {
	for _, k := range d.keys {
		if k.secret != nil {
			k.secret.Zero()
		}
		if k.base != nil {
			k.base.Zero()
		}
		if k.extended != nil {
			k.extended.Zero()
		}
	}
	if d.inner != nil {
		d.inner.Zero()
	}
}
