package descriptor

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/bulkheadnode/bulkhead/internal/wording"
)

// ErrPrivate is returned when a script needs a hardened step from a public
// key.
var ErrPrivate = errors.New("cannot derive script without private keys")

// uncompressed is what such a public key begins with, but for a hybrid one.
const uncompressed = 4

// key is a key expression.
type key struct {
	origin   string            // "fingerprint/path" as given, without brackets; hardened steps with h
	mark     string            // of hardened steps in the key's text: h or '
	private  bool              // it was given with its secret
	secret   *btcec.PrivateKey // of a single key, if it was
	public   []byte            // of a single key
	sole     bool              // public is shown without its sign
	extended *hdkeychain.ExtendedKey
	neutered *hdkeychain.ExtendedKey // extended without its secret
	path     []uint32
	wildcard bool
	hardened bool // the wildcard is

	base *hdkeychain.ExtendedKey // at the end of path
}

// derived is a public key with where it comes from.
type derived struct {
	public []byte
	origin string
}

func parseKey(text string, net *chaincfg.Params) (*key, error) {
	k := &key{mark: "h"}
	if strings.TrimSpace(text) != text {
		return nil, wording.Errorf("Key '%s' is invalid due to whitespace", text)
	}
	if strings.HasPrefix(text, "[") {
		origin, rest, found := strings.Cut(text[1:], "]")
		if !found {
			return nil, wording.Errorf("Key origin end ']' character expected but not found")
		}
		steps := strings.Split(origin, "/")
		fingerprint := steps[0]
		if _, err := hex.DecodeString(fingerprint); err != nil || len(fingerprint) != 8 {
			return nil, wording.Errorf("Fingerprint is not 4 bytes (%d characters instead of 8 characters)", len(fingerprint))
		}
		path, err := k.parsePath(steps[1:])
		if err != nil {
			return nil, err
		}
		k.origin, text = strings.ToLower(fingerprint)+pathText(path, "h"), rest
	}
	steps := strings.Split(text, "/")
	if len(steps) == 1 {
		done, err := k.parseSingle(text, net)
		if done || err != nil {
			return k, err
		}
	}
	return k, k.parseExtended(steps, net)
}

// parseSingle reads a key in hex or WIF; done is false if it is neither.
func (k *key) parseSingle(text string, net *chaincfg.Params) (done bool, err error) {
	if text == "" {
		return false, wording.Errorf("No key provided")
	}
	if raw, err := hex.DecodeString(text); err == nil {
		check := raw
		if len(raw) == 32 {
			check = append([]byte{2}, raw...)
		}
		if _, err := btcec.ParsePubKey(check); err != nil {
			return false, wording.Errorf("Pubkey '%s' is invalid", text)
		}
		if len(raw) > btcec.PubKeyBytesLenCompressed && raw[0] != uncompressed {
			return false, wording.Errorf("Hybrid public keys are not allowed")
		}
		k.public = raw
		return true, nil
	}
	wif, err := btcutil.DecodeWIF(text)
	if err != nil {
		return false, nil
	}
	if !wif.IsForNet(net) {
		return false, wording.Errorf("key '%s' is not valid", text)
	}
	k.public, k.private, k.secret = wif.SerializePubKey(), true, wif.PrivKey
	return true, nil
}

func (k *key) parseExtended(steps []string, net *chaincfg.Params) error {
	extended, err := hdkeychain.NewKeyFromString(steps[0])
	if err != nil || !extended.IsForNet(net) {
		return wording.Errorf("key '%s' is not valid", steps[0])
	}
	k.extended, k.private = extended, extended.IsPrivate()
	if k.neutered, err = extended.Neuter(); err != nil {
		return wording.Errorf("key '%s' is not valid", steps[0])
	}
	steps = steps[1:]
	if len(steps) > 0 && strings.HasPrefix(steps[len(steps)-1], "*") {
		last := steps[len(steps)-1]
		if last != "*" && last != "*'" && last != "*h" {
			return wording.Errorf("Key path value '%s' is not a valid uint32", last)
		}
		k.wildcard, k.hardened = true, last != "*"
		k.marked(last)
		steps = steps[:len(steps)-1]
	}
	k.path, err = k.parsePath(steps)
	return err
}

// marked notes how a step is hardened, if it is.
func (k *key) marked(step string) {
	if mark := step[len(step)-1:]; mark == "h" || mark == "'" {
		k.mark = mark
	}
}

func (k *key) parsePath(texts []string) (path []uint32, err error) {
	for _, text := range texts {
		index, err := parseStep(text)
		if err != nil {
			return nil, err
		}
		k.marked(text)
		path = append(path, uint32(index))
	}
	return path, nil
}

// step is the number of a child key, of a hardened one with the highest bit.
type step uint32

func parseStep(text string) (step, error) {
	if text == "" {
		return 0, wording.Errorf("Key path value '' is not valid")
	}
	number := strings.TrimRight(text, "'h")
	index, err := strconv.ParseUint(number, 10, 32)
	if err != nil || len(text)-len(number) > 1 {
		return 0, wording.Errorf("Key path value '%s' is not a valid uint32", text)
	}
	if index >= hdkeychain.HardenedKeyStart {
		return 0, wording.Errorf("Key path value %d is out of range", index)
	}
	if number != text {
		index += hdkeychain.HardenedKeyStart
	}
	return step(index), nil
}

// at returns the key at a position of the wildcard.
func (k *key) at(position uint32) (derived, error) {
	if k.extended == nil {
		return derived{k.public, k.singleOrigin()}, nil
	}
	child, path, err := k.child(position)
	if err != nil {
		return derived{}, err
	}
	public, err := child.ECPubKey()
	if err != nil {
		return derived{}, err
	}
	origin, err := k.extendedOrigin(path)
	return derived{public.SerializeCompressed(), origin}, err
}

// child returns an extended key at a position of the wildcard, and the path to it.
func (k *key) child(position uint32) (*hdkeychain.ExtendedKey, []uint32, error) {
	if k.base == nil {
		k.base = k.extended
		for _, step := range k.path {
			var err error
			if k.base, err = derive(k.base, step); err != nil {
				k.base = nil
				return nil, nil, err
			}
		}
	}
	if !k.wildcard {
		return k.base, k.path, nil
	}
	if k.hardened {
		position += hdkeychain.HardenedKeyStart
	}
	child, err := derive(k.base, position)
	return child, append(k.path[:len(k.path):len(k.path)], position), err
}

func derive(from *hdkeychain.ExtendedKey, step uint32) (*hdkeychain.ExtendedKey, error) {
	child, err := from.Derive(step)
	if errors.Is(err, hdkeychain.ErrDeriveHardFromPublic) {
		return nil, ErrPrivate
	}
	return child, err
}

func (k *key) singleOrigin() string {
	if k.origin != "" {
		return k.origin
	}
	return hex.EncodeToString(address.Hash160(k.public)[:4])
}

func (k *key) extendedOrigin(path []uint32) (string, error) {
	origin := k.origin
	if origin == "" {
		root, err := k.extended.ECPubKey()
		if err != nil {
			return "", err
		}
		origin = hex.EncodeToString(address.Hash160(root.SerializeCompressed())[:4])
	}
	return origin + pathText(path, "h"), nil
}

// pathText writes steps out, hardened ones with a mark.
func pathText(path []uint32, mark string) (text string) {
	for _, step := range path {
		if step >= hdkeychain.HardenedKeyStart {
			text += fmt.Sprintf("/%d%s", step-hdkeychain.HardenedKeyStart, mark)
		} else {
			text += fmt.Sprintf("/%d", step)
		}
	}
	return text
}

// String returns the key's text, never with its secret: as Bitcoin Core's, it
// hardens all steps by the mark that was used last.
func (k *key) String() string {
	text := ""
	if k.origin != "" {
		text = "[" + strings.ReplaceAll(k.origin, "h", k.mark) + "]"
	}
	switch {
	case k.sole:
		return text + hex.EncodeToString(k.public[1:])
	case k.extended == nil:
		return text + hex.EncodeToString(k.public)
	}
	text += k.neutered.String() + pathText(k.path, k.mark)
	switch {
	case k.wildcard && k.hardened:
		text += "/*" + k.mark
	case k.wildcard:
		text += "/*"
	}
	return text
}

func (d derived) String() string { return "[" + d.origin + "]" + hex.EncodeToString(d.public) }
