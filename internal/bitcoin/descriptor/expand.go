package descriptor

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
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
		return []Expanded{{d.script, describe(d.script, d.net, nil)}}, nil
	case "sh", "wsh":
		inner, err := d.inner.expand(position)
		if err != nil {
			return nil, err
		}
		script := output.PayToScriptHash(inner[0].Script)
		if d.name == "wsh" {
			script = output.PayToWitnessScriptHash(inner[0].Script)
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
		return one(output.PayToKey(first.public)), nil
	case "pkh":
		return one(output.PayToKeyHash(address.Hash160(first.public))), nil
	case "wpkh":
		return one(output.PayToWitnessKeyHash(address.Hash160(first.public))), nil
	case "combo":
		return combo(first), nil
	case "rawtr":
		return one(output.PayToTaproot(first.public[len(first.public)-32:])), nil
	case "tr":
		internal, err := schnorr.ParsePubKey(first.public[len(first.public)-32:])
		if err != nil {
			return nil, err
		}
		return one(output.PayToTaproot(schnorr.SerializePubKey(txscript.ComputeTaprootKeyNoScript(internal)))), nil
	}
	return []Expanded{d.multisig(keys)}, nil
}

func combo(k derived) []Expanded {
	list := []Expanded{
		{output.PayToKey(k.public), "pk(" + k.String() + ")"},
		{output.PayToKeyHash(address.Hash160(k.public)), "pkh(" + k.String() + ")"},
	}
	if len(k.public) != btcec.PubKeyBytesLenCompressed {
		return list
	}
	witness := output.PayToWitnessKeyHash(address.Hash160(k.public))
	return append(list,
		Expanded{witness, "wpkh(" + k.String() + ")"},
		Expanded{output.PayToScriptHash(witness), "sh(wpkh(" + k.String() + "))"})
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
	public := make([][]byte, len(keys))
	for i, k := range keys {
		public[i] = k.public
	}
	return Expanded{output.MakeMultisig(d.threshold, public), text + ")"}
}
