package descriptor

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript/v2"
)

// Expanded is one script, with a descriptor of it alone.
type Expanded struct {
	Script []byte
	Desc   string
}

// Expand returns the scripts at a position of the wildcard: one, or for combo
// two or four. It fails with ErrPrivate if the keys do not suffice.
func (d *Descriptor) Expand(position uint32) ([]Expanded, error) {
	list, err := d.expand(position)
	for i := range list {
		list[i].Desc += "#" + Checksum(list[i].Desc)
	}
	return list, err
}

func (d *Descriptor) expand(position uint32) ([]Expanded, error) {
	switch d.name {
	case "raw", "addr":
		return []Expanded{{d.script, describe(d.script, d.net)}}, nil
	case "sh", "wsh":
		inner, err := d.inner.expand(position)
		if err != nil {
			return nil, err
		}
		script := payToScriptHash(inner[0].Script)
		if d.name == "wsh" {
			script = payToWitnessScriptHash(inner[0].Script)
		}
		return []Expanded{{script, d.name + "(" + inner[0].Desc + ")"}}, nil
	}
	keys := make([]derived, len(d.keys))
	for i, k := range d.keys {
		var err error
		if keys[i], err = k.at(position); err != nil {
			return nil, err
		}
	}
	return d.ofKeys(keys)
}

func (d *Descriptor) ofKeys(keys []derived) ([]Expanded, error) {
	first := keys[0]
	one := func(script []byte) []Expanded {
		return []Expanded{{script, d.name + "(" + first.String() + ")"}}
	}
	switch d.name {
	case "pk":
		return one(payToKey(first.public)), nil
	case "pkh":
		return one(payToKeyHash(first.public)), nil
	case "wpkh":
		return one(payToWitnessKeyHash(first.public)), nil
	case "combo":
		return combo(first), nil
	case "rawtr":
		return one(payToTaproot(first.public[len(first.public)-32:])), nil
	case "tr":
		internal, err := schnorr.ParsePubKey(first.public[len(first.public)-32:])
		if err != nil {
			return nil, err
		}
		return one(payToTaproot(schnorr.SerializePubKey(txscript.ComputeTaprootKeyNoScript(internal)))), nil
	}
	return []Expanded{d.multisig(keys)}, nil
}

func combo(k derived) []Expanded {
	list := []Expanded{
		{payToKey(k.public), "pk(" + k.String() + ")"},
		{payToKeyHash(k.public), "pkh(" + k.String() + ")"},
	}
	if len(k.public) != btcec.PubKeyBytesLenCompressed {
		return list
	}
	witness := payToWitnessKeyHash(k.public)
	return append(list,
		Expanded{witness, "wpkh(" + k.String() + ")"},
		Expanded{payToScriptHash(witness), "sh(wpkh(" + k.String() + "))"})
}

func (d *Descriptor) multisig(keys []derived) Expanded {
	text := fmt.Sprintf("%s(%d", d.name, d.threshold)
	for _, k := range keys {
		text += "," + k.String()
	}
	if d.name == "sortedmulti" {
		keys = slices.Clone(keys)
		slices.SortFunc(keys, func(a, b derived) int { return bytes.Compare(a.public, b.public) })
	}
	script := pushNumber(nil, d.threshold)
	for _, k := range keys {
		script = append(append(script, byte(len(k.public))), k.public...)
	}
	return Expanded{append(pushNumber(script, len(keys)), txscript.OP_CHECKMULTISIG), text + ")"}
}

// pushNumber appends the push of 1 to 20.
func pushNumber(script []byte, n int) []byte {
	if n <= 16 {
		return append(script, byte(txscript.OP_1-1+n))
	}
	return append(script, 1, byte(n))
}

func payToKey(key []byte) []byte {
	return append(append([]byte{byte(len(key))}, key...), txscript.OP_CHECKSIG)
}

func payToKeyHash(key []byte) []byte {
	script := append([]byte{txscript.OP_DUP, txscript.OP_HASH160, 20}, address.Hash160(key)...)
	return append(script, txscript.OP_EQUALVERIFY, txscript.OP_CHECKSIG)
}

func payToWitnessKeyHash(key []byte) []byte {
	return append([]byte{txscript.OP_0, 20}, address.Hash160(key)...)
}

func payToScriptHash(script []byte) []byte {
	return append(append([]byte{txscript.OP_HASH160, 20}, address.Hash160(script)...), txscript.OP_EQUAL)
}

func payToWitnessScriptHash(script []byte) []byte {
	hash := sha256.Sum256(script)
	return append([]byte{txscript.OP_0, 32}, hash[:]...)
}

func payToTaproot(xonly []byte) []byte { return append([]byte{txscript.OP_1, 32}, xonly...) }
