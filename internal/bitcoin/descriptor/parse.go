package descriptor

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
	"github.com/bulkheadnode/bulkhead/internal/wording"
)

// Descriptor is a parsed descriptor.
type Descriptor struct {
	name      string
	keys      []*key
	threshold int
	inner     *Descriptor
	script    []byte // of raw and addr
	net       *chaincfg.Params
}

// Parse reads a descriptor that stands for no more than one, see ParseAll. If it
// has a checksum, that must be right.
func Parse(text string, net *chaincfg.Params) (*Descriptor, error) {
	list, err := ParseAll(text, net)
	if err != nil {
		return nil, err
	}
	if len(list) > 1 {
		return nil, wording.Errorf("Multipath descriptor not accepted")
	}
	return list[0], nil
}

// checked returns a descriptor without its checksum, which is right.
func checked(text string) (body string, err error) {
	body, sum, given := strings.Cut(text, "#")
	if !given {
		return body, nil
	}
	if len(sum) != 8 {
		return "", wording.Errorf("Expected 8 character checksum, not %d characters", len(sum))
	}
	if want := Checksum(body); want != sum {
		return "", wording.Errorf("Provided checksum '%s' does not match computed checksum '%s'", sum, want)
	}
	return body, nil
}

// parse reads a descriptor within another of the given name.
func parse(body string, net *chaincfg.Params, within string) (*Descriptor, error) {
	name, arg, ok := strings.Cut(body, "(")
	if !ok || !strings.HasSuffix(arg, ")") {
		return nil, wording.Errorf("'%s' is not a valid descriptor function", body)
	}
	d := &Descriptor{name: name, net: net}
	arg = strings.TrimSuffix(arg, ")")
	var err error
	switch name {
	case "raw":
		if d.script, err = hex.DecodeString(arg); err != nil || arg == "" {
			return nil, wording.Errorf("Raw script is not hex")
		}
	case "addr":
		if d.script, err = address.Script(arg, net); err != nil {
			return nil, wording.Errorf("Address is not valid")
		}
	case "sh", "wsh":
		d.inner, err = parse(arg, net, name)
	case "multi", "sortedmulti":
		err = d.parseMulti(arg)
	case "pk", "pkh", "wpkh", "combo", "tr", "rawtr":
		err = d.parseKeys(name+"()", arg)
	default:
		return nil, wording.Errorf("'%s' is not a valid descriptor function", body)
	}
	if err == nil {
		err = d.checkPlace(within)
	}
	return d, err
}

func (d *Descriptor) parseMulti(arg string) error {
	threshold, keys, _ := strings.Cut(arg, ",")
	n, err := strconv.Atoi(threshold)
	if err != nil {
		return wording.Errorf("Multi threshold '%s' is not valid", threshold)
	}
	d.threshold = n
	if err := d.parseKeys("Multi", strings.Split(keys, ",")...); err != nil {
		return err
	}
	const maxKeys = 20
	switch {
	case len(d.keys) > maxKeys:
		return wording.Errorf("Cannot have %d keys in multisig; must have between 1 and %d keys, inclusive", len(d.keys), maxKeys)
	case n < 1:
		return wording.Errorf("Multisig threshold cannot be %d, must be at least 1", n)
	case n > len(d.keys):
		return wording.Errorf("Multisig threshold cannot be larger than the number of keys; threshold is %d but only %d keys specified", n, len(d.keys))
	}
	return nil
}

// parseKeys reads keys of whom errors speak as of place's.
func (d *Descriptor) parseKeys(place string, texts ...string) error {
	for _, text := range texts {
		k, err := parseKey(text, d.net)
		if err != nil {
			return wording.Errorf("%s: %v", place, err)
		}
		k.sole = k.private && k.extended == nil && (d.name == "tr" || d.name == "rawtr")
		d.keys = append(d.keys, k)
	}
	return nil
}

// checkPlace verifies that a function may stand where it does.
func (d *Descriptor) checkPlace(within string) error {
	large := false
	for _, k := range d.keys {
		large = large || len(k.public) == 65
		if len(k.public) == 32 && d.name != "tr" && d.name != "rawtr" {
			return wording.Errorf("%s(): Pubkey '%x' is invalid", d.name, k.public)
		}
	}
	switch d.name {
	case "sh":
		if within != "" {
			return wording.Errorf("Can only have sh() at top level")
		}
	case "wsh":
		if within != "" && within != "sh" {
			return wording.Errorf("Can only have wsh() at top level or inside sh()")
		}
	case "wpkh":
		if within == "wsh" {
			return wording.Errorf("Can only have wpkh() at top level or inside sh()")
		}
	case "raw", "addr", "combo", "tr", "rawtr":
		if within != "" {
			return wording.Errorf("Can only have %s() at top level", d.name)
		}
	}
	if large && (d.name == "wpkh" || d.name == "tr" || d.name == "rawtr" || within == "wsh") {
		return wording.Errorf("%s(): Uncompressed keys are not allowed", d.name)
	}
	return nil
}

// Public returns the descriptor's text in its usual form, without private keys
// and without a checksum.
func (d *Descriptor) Public() string {
	var args []string
	switch {
	case d.inner != nil:
		args = append(args, d.inner.Public())
	case d.name == "raw":
		args = append(args, hex.EncodeToString(d.script))
	case d.name == "addr":
		args = append(args, address.Of(d.script, d.net))
	case d.threshold > 0:
		args = append(args, strconv.Itoa(d.threshold))
	}
	for _, k := range d.keys {
		args = append(args, k.String())
	}
	return d.name + "(" + strings.Join(args, ",") + ")"
}

// IsRange reports whether a key has a wildcard.
func (d *Descriptor) IsRange() bool {
	for _, k := range d.keys {
		if k.wildcard {
			return true
		}
	}
	return d.inner != nil && d.inner.IsRange()
}

// IsSolvable reports whether the descriptor tells how its scripts can be
// satisfied.
func (d *Descriptor) IsSolvable() bool { return d.name != "raw" && d.name != "addr" }

// HasPrivate reports whether a key was given with its secret.
func (d *Descriptor) HasPrivate() bool {
	for _, k := range d.keys {
		if k.private {
			return true
		}
	}
	return d.inner != nil && d.inner.HasPrivate()
}
