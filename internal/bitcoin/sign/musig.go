package sign

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"slices"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/btcec/v2/schnorr/musig2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
)

// MuSig is what signers of one key together told (BIP373). Public keys are compressed.
type MuSig struct {
	Participants map[string][][]byte // by aggregate key
	Nonces       map[MuSigKey][]byte // 66 bytes
	Partials     map[MuSigKey][]byte // 32 bytes, big-endian
}

// MuSigKey tells whose nonce or partial signature it is, for which key and, unless it
// is zero, in which leaf.
type MuSigKey struct {
	Aggregate   string
	Leaf        [32]byte
	Participant string
}

// Compare orders by aggregate key, leaf and participant.
func (k MuSigKey) Compare(other MuSigKey) int {
	return cmp.Or(cmp.Compare(k.Aggregate, other.Aggregate), bytes.Compare(k.Leaf[:], other.Leaf[:]), cmp.Compare(k.Participant, other.Participant))
}

// chainCode is that of aggregate keys of which others are derived (BIP328).
const chainCode = "868087ca02a6f974c4598924c36b57762d32cb45717167e300622c7167e38965"

// tweaked is an aggregate key and what has been added to it.
type tweaked struct {
	key    *btcec.PublicKey
	tweaks []musig2.KeyTweakDesc
}

func (t *tweaked) add(tweak []byte, xonly bool) bool {
	var scalar btcec.ModNScalar
	if scalar.SetByteSlice(tweak) {
		return false
	}
	key := t.key
	if xonly {
		even, err := schnorr.ParsePubKey(schnorr.SerializePubKey(key))
		if err != nil {
			return false
		}
		key = even
	}
	var point, sum btcec.JacobianPoint
	key.AsJacobian(&point)
	btcec.ScalarBaseMultNonConst(&scalar, &sum)
	btcec.AddNonConst(&point, &sum, &sum)
	if sum.Z.IsZero() {
		return false
	}
	sum.ToAffine()
	t.key = btcec.NewPublicKey(&sum.X, &sum.Y)
	t.tweaks = append(t.tweaks, musig2.KeyTweakDesc{Tweak: [32]byte(tweak), IsXOnly: xonly})
	return true
}

// derive adds the tweaks of BIP32's steps, none of which is hardened.
func (t *tweaked) derive(path []uint32) bool {
	const hardened = 1 << 31
	code, err := hex.DecodeString(chainCode)
	if err != nil {
		return false
	}
	for _, step := range path {
		if step >= hardened {
			return false
		}
		mac := hmac.New(sha512.New, code)
		mac.Write(binary.BigEndian.AppendUint32(t.key.SerializeCompressed(), step))
		sum := mac.Sum(nil)
		if !t.add(sum[:32], false) {
			return false
		}
		code = sum[32:]
	}
	return true
}

// muSig returns the signature that all participants made together for a public key: of a
// key path with what tweaks it unless that is nil, or in a leaf; nil if something lacks.
func (m maker) muSig(key XOnly, leaf *Leaf, root []byte) []byte {
	hash, kind, ok := m.creator.muSigHash(leaf)
	if !ok {
		return nil
	}
	for _, aggregate := range m.aggregates.of(key, m.LeafOrigins[key].Origin) {
		parsed, err := btcec.ParsePubKey([]byte(aggregate))
		if err != nil {
			continue
		}
		t := tweaked{key: parsed}
		if XOnly([]byte(aggregate)[1:]) != key && !m.derived(&t, aggregate, key) {
			continue
		}
		if root != nil && !t.add(tapTweak(key, root), true) {
			continue
		}
		if signature := m.aggregated(&t, m.Participants[aggregate], leaf, hash); signature != nil {
			if kind != txscript.SigHashDefault {
				signature = append(signature, byte(kind))
			}
			return signature
		}
	}
	return nil
}

// aggregates find aggregate keys: there may be thousands of them, and of leaves.
type aggregates struct {
	byKey         map[XOnly][]string
	byFingerprint map[[4]byte][]string // BIP32's of the aggregate
}

func indexed(participants map[string][][]byte) aggregates {
	a := aggregates{map[XOnly][]string{}, map[[4]byte][]string{}}
	for aggregate := range participants {
		id := IDOf([]byte(aggregate))
		a.byKey[XOnly([]byte(aggregate)[1:])] = append(a.byKey[XOnly([]byte(aggregate)[1:])], aggregate)
		a.byFingerprint[[4]byte(id[:4])] = append(a.byFingerprint[[4]byte(id[:4])], aggregate)
	}
	return a
}

// of returns those that a key may be, or be derived from, in their order.
func (a aggregates) of(key XOnly, origin Origin) []string {
	found := slices.Clone(a.byKey[key])
	if len(origin.Path) > 0 {
		found = append(found, a.byFingerprint[origin.Fingerprint]...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// derived reports whether a key comes from an aggregate, and adds the tweaks.
func (m maker) derived(t *tweaked, aggregate string, key XOnly) bool {
	origin := m.LeafOrigins[key].Origin
	id := IDOf([]byte(aggregate))
	return len(origin.Path) > 0 && origin.Fingerprint == [4]byte(id[:4]) && t.derive(origin.Path) && XOnly(schnorr.SerializePubKey(t.key)) == key
}

func tapTweak(key XOnly, root []byte) []byte {
	hash := chainhash.TaggedHash(chainhash.TagTapTweak, key[:], root)
	return hash[:]
}

// aggregated adds up what all participants have signed (BIP327, "Partial Signature
// Aggregation").
func (m maker) aggregated(t *tweaked, participants [][]byte, leaf *Leaf, hash [32]byte) []byte {
	at := MuSigKey{Aggregate: string(t.key.SerializeCompressed())}
	if leaf != nil {
		at.Leaf = leaf.Hash()
	}
	var keys []*btcec.PublicKey
	var nonces [][musig2.PubNonceSize]byte
	var partials []*musig2.PartialSignature
	for _, participant := range participants {
		at.Participant = string(participant)
		nonce, partial := m.Nonces[at], m.Partials[at]
		public, err := btcec.ParsePubKey(participant)
		var scalar btcec.ModNScalar
		if err != nil || len(nonce) != musig2.PubNonceSize || len(partial) != 32 || scalar.SetByteSlice(partial) {
			return nil
		}
		keys, nonces = append(keys, public), append(nonces, [musig2.PubNonceSize]byte(nonce))
		partials = append(partials, &musig2.PartialSignature{S: &scalar})
	}
	if len(keys) == 0 {
		return nil
	}
	together, err := musig2.AggregateNonces(nonces)
	if err != nil {
		return nil
	}
	nonce := finalNonce(together, t.key, hash)
	if nonce == nil {
		return nil
	}
	signature := musig2.CombineSigs(nonce, partials, musig2.WithTweakedCombine(hash, keys, t.tweaks, false))
	if !signature.Verify(hash[:], t.key) {
		return nil
	}
	return signature.Serialize()
}

// finalNonce is R of BIP327: the first nonce, and the second as often as a hash says.
func finalNonce(together [musig2.PubNonceSize]byte, key *btcec.PublicKey, hash [32]byte) *btcec.PublicKey {
	first, err := btcec.ParseJacobian(together[:btcec.PubKeyBytesLenCompressed])
	if err != nil {
		return nil
	}
	second, err := btcec.ParseJacobian(together[btcec.PubKeyBytesLenCompressed:])
	if err != nil {
		return nil
	}
	often := chainhash.TaggedHash(musig2.NonceBlindTag, together[:], schnorr.SerializePubKey(key), hash[:])
	var scalar btcec.ModNScalar
	scalar.SetByteSlice(often[:])
	var sum btcec.JacobianPoint
	btcec.ScalarMultNonConst(&scalar, &second, &second)
	btcec.AddNonConst(&first, &second, &sum)
	if sum.Z.IsZero() {
		return btcec.Generator()
	}
	sum.ToAffine()
	return btcec.NewPublicKey(&sum.X, &sum.Y)
}
