package sign

import (
	"maps"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"
)

// Signature is an ECDSA signature (DER, with the hash type) and the public key that
// it is valid for.
type Signature struct{ Key, Signature []byte }

// Material is what is known of how to spend an output, or of how an output may be spent.
type Material struct {
	Signatures    map[KeyID]Signature
	RedeemScript  []byte
	WitnessScript []byte
	Origins       map[KeyID]KeyOrigin
	Taproot
	MuSig
}

// Taproot is what is known of a P2TR output (BIP371). Keys and hashes that are zero are
// not known.
type Taproot struct {
	KeySignature     []byte
	ScriptSignatures map[LeafKey][]byte
	Leaves           map[Leaf][][]byte // control blocks, the shortest first
	LeafOrigins      map[XOnly]LeafOrigin
	InternalKey      XOnly
	MerkleRoot       [32]byte
}

// LeafKey is a public key in a leaf.
type LeafKey struct {
	Key  XOnly
	Leaf [32]byte // the leaf's hash
}

// Leaf is a script of the tree.
type Leaf struct {
	Script  string
	Version byte
}

// LeafOrigin is where a public key comes from, and the hashes of the leaves that have
// it, in order.
type LeafOrigin struct {
	Leaves [][32]byte
	Origin
}

// Clone returns Material that can be added to.
func (m Material) Clone() Material {
	m.Signatures = cloned(m.Signatures)
	m.Origins = cloned(m.Origins)
	m.ScriptSignatures = cloned(m.ScriptSignatures)
	m.Leaves = cloned(m.Leaves)
	m.LeafOrigins = cloned(m.LeafOrigins)
	m.Participants, m.Nonces, m.Partials = cloned(m.Participants), cloned(m.Nonces), cloned(m.Partials)
	return m
}

func cloned[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}

// Fill adds what others know, and lets stand what is there.
func (m *Material) Fill(others Material) {
	Union(&m.Signatures, others.Signatures)
	Union(&m.Origins, others.Origins)
	Union(&m.ScriptSignatures, others.ScriptSignatures)
	Union(&m.Leaves, others.Leaves)
	Union(&m.LeafOrigins, others.LeafOrigins)
	Union(&m.Participants, others.Participants)
	Union(&m.Nonces, others.Nonces)
	Union(&m.Partials, others.Partials)
	firstBytes(&m.RedeemScript, others.RedeemScript)
	firstBytes(&m.WitnessScript, others.WitnessScript)
	firstBytes(&m.KeySignature, others.KeySignature)
	if m.InternalKey == (XOnly{}) {
		m.InternalKey = others.InternalKey
	}
	if m.MerkleRoot == ([32]byte{}) {
		m.MerkleRoot = others.MerkleRoot
	}
}

// Union adds what is in others alone.
func Union[K comparable, V any](m *map[K]V, others map[K]V) {
	for key, value := range others {
		if _, there := (*m)[key]; !there {
			put(m, key, value)
		}
	}
}

func firstBytes(have *[]byte, other []byte) {
	if len(*have) == 0 {
		*have = other
	}
}

// seenIn notes that a leaf has a public key.
func (o *LeafOrigin) seenIn(leaf [32]byte) {
	i, there := slices.BinarySearchFunc(o.Leaves, leaf, func(a, b [32]byte) int { return slices.Compare(a[:], b[:]) })
	if !there {
		o.Leaves = slices.Insert(slices.Clone(o.Leaves), i, leaf)
	}
}

// Missing is what would complete an input.
type Missing struct {
	Keys          []KeyID // public keys
	Signatures    []KeyID // by public keys
	RedeemScript  *KeyID
	WitnessScript *[32]byte // SHA256
}

// Data is an input that is being signed.
type Data struct {
	Material
	Missing   Missing
	Complete  bool // ScriptSig and Witness are final
	IsWitness bool // a witness is, or will be, part of it
	ScriptSig []byte
	Witness   wire.TxWitness
}

// merge adds what another attempt found.
func (d *Data) merge(other Data) {
	switch {
	case d.Complete:
	case other.Complete:
		*d = other
	default:
		d.Material.Fill(other.Material)
	}
}
