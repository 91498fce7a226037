package psbt

import (
	"slices"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/serial"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
	"github.com/bulkheadnode/bulkhead/internal/wording"
)

// record is one of a map, of which the value has still to be read.
type record struct {
	*serial.Reader
	key  []byte // with the type
	kind uint64
	data *serial.Reader // the key behind the type
}

// takeMap reads records until a separator. label is what errors call the map's keys, and
// place the map.
func takeMap(r *serial.Reader, label, place string, take func(record)) {
	seen := map[string]struct{}{}
	for r.Len() > 0 {
		key := r.VarBytes()
		if r.Err() != nil || len(key) == 0 {
			return
		}
		if _, twice := seen[string(key)]; twice {
			r.Fail(wording.Errorf("Duplicate Key, %s key \"%x\" already provided", label, key))
			return
		}
		seen[string(key)] = struct{}{}
		data := serial.NewReader(key)
		kind := data.CompactSize()
		if data.Err() != nil {
			r.Fail(data.Err())
			return
		}
		take(record{r, key, kind, data})
	}
	r.Fail(wording.Errorf("Separator is missing at the end of %s map", place))
}

// sized reports whether the key has a length; name is what the error calls the type.
func (r record) sized(name string, length int) bool {
	if len(r.key) != length {
		r.Fail(wording.Errorf("Size of key was not %d for the type %s", length, name))
		return false
	}
	return true
}

// plain reports whether the key is the type alone.
func (r record) plain(name string) bool { return r.sized(name, 1) }

// within reads a value that knows its own length, which has to be the stated one.
func (r record) within(take func(*serial.Reader)) {
	stated := r.CompactSize()
	before := r.Len()
	take(r.Reader)
	if r.Err() == nil && uint64(before-r.Len()) != stated {
		r.Fail(wording.Errorf("Size of value was not the stated size"))
	}
}

// number reads a value of four bytes.
func (r record) number() (n uint32) {
	r.within(func(v *serial.Reader) { n = v.Uint32() })
	return n
}

// optional reads a value of four bytes.
func (r record) optional() *uint32 {
	n := r.number()
	return &n
}

// hash reads a value of 32 bytes.
func (r record) hash() (hash [hashBytes]byte) {
	r.within(func(v *serial.Reader) { hash = v.Hash() })
	return hash
}

func validKey(key []byte) bool {
	_, err := btcec.ParsePubKey(key)
	return err == nil
}

// publicKey returns the key behind the type, which has to be a public key; name is what
// the error calls the record.
func (r record) publicKey(name string) []byte {
	key := r.key[1:]
	switch {
	case len(key) != keyBytes && len(key) != longKeyBytes:
		r.Fail(wording.Errorf("Size of key was not the expected size for the type %s", name))
	case !validKey(key):
		r.Fail(wording.Errorf("Invalid pubkey"))
	default:
		return key
	}
	return nil
}

// origin reads the origin of a key of a length.
func (r record) origin(length uint64) (o sign.Origin) {
	const step = 4
	if length%step != 0 || length == 0 {
		r.Fail(wording.Errorf("Invalid length for HD key path"))
		return o
	}
	copy(o.Fingerprint[:], r.Take(step))
	for n := length/step - 1; n > 0 && r.Err() == nil; n-- {
		o.Path = append(o.Path, r.Uint32())
	}
	return o
}

func (r record) keyOrigin() (sign.KeyID, sign.KeyOrigin) {
	key := r.publicKey("BIP32 keypath")
	if key == nil {
		return sign.KeyID{}, sign.KeyOrigin{}
	}
	return sign.IDOf(key), sign.KeyOrigin{Key: key, Origin: r.origin(r.CompactSize())}
}

// leafOrigin reads leaves' hashes and an origin; place is that of errors.
func (r record) leafOrigin(place string) (key sign.XOnly, o sign.LeafOrigin) {
	if !r.sized(place+" Taproot BIP32 Keypath", 1+xonlyBytes) {
		return key, o
	}
	length := r.CompactSize()
	before := r.Len()
	for n := r.CompactSize(); n > 0 && r.Err() == nil; n-- {
		o.Leaves = append(o.Leaves, r.Hash())
	}
	slices.SortFunc(o.Leaves, compareHashes)
	o.Leaves = slices.Compact(o.Leaves)
	hashes := uint64(before - r.Len())
	if r.Err() == nil && hashes > length {
		r.Fail(wording.Errorf("%s Taproot BIP32 keypath has an invalid length", place))
		return key, o
	}
	o.Origin = r.origin(length - hashes)
	return sign.XOnly(r.key[1:]), o
}

func compareHashes(a, b [hashBytes]byte) int { return slices.Compare(a[:], b[:]) }

// participants reads the public keys that an aggregate key is made of.
func (r record) participants(place string) (aggregate string, keys [][]byte) {
	if !r.sized(place+" MuSig2 Participants Pubkeys", 1+keyBytes) {
		return "", nil
	}
	if !validKey(r.key[1:]) {
		r.Fail(wording.Errorf("%s musig2 aggregate pubkey is invalid", place))
		return "", nil
	}
	value := r.VarBytes()
	for ; len(value) >= keyBytes; value = value[keyBytes:] {
		if !validKey(value[:keyBytes]) {
			r.Fail(wording.Errorf("%s musig2 participant pubkey is invalid", place))
			return "", nil
		}
		keys = append(keys, value[:keyBytes])
	}
	if len(value) > 0 {
		r.Fail(wording.Errorf("%s musig2 participants pubkeys value size is not a multiple of 33", place))
	}
	return string(r.key[1:]), keys
}

// extra reads a record that means nothing here.
func (r record) extra(e *Extra) {
	if r.kind != proprietary {
		put(&e.Unknown, string(r.key), r.VarBytes())
		return
	}
	r.data.VarBytes()
	r.data.CompactSize()
	if err := r.data.Err(); err != nil {
		r.Fail(err)
	}
	put(&e.Proprietary, string(r.key), r.VarBytes())
}

// put adds to a map that may not be there yet.
func put[K comparable, V any](m *map[K]V, key K, value V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[key] = value
}

// Identify takes apart the key of a proprietary record.
func Identify(key string) (identifier []byte, subtype uint64) {
	r := serial.NewReader([]byte(key))
	r.CompactSize()
	return r.VarBytes(), r.CompactSize()
}
