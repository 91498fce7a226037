package sign

import (
	"cmp"
	"maps"
	"slices"

	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/rawtx"
)

// taproot returns the witness of an output key: the smallest of those that can be made,
// but that of the key path if there is one.
func (m maker) taproot(key XOnly) [][]byte {
	if internal, ok := m.Provider.taproot[key]; ok {
		m.InternalKey = internal
	}
	for _, known := range []XOnly{m.InternalKey, key} {
		m.noteOrigin(known)
	}
	if len(m.KeySignature) == 0 {
		m.KeySignature = m.keySignature(m.InternalKey, m.root())
	}
	if len(m.KeySignature) == 0 {
		m.KeySignature = m.keySignature(key, nil)
	}
	if len(m.KeySignature) > 0 {
		return [][]byte{m.KeySignature}
	}
	var best [][]byte
	for _, leaf := range slices.SortedFunc(maps.Keys(m.Leaves), Leaf.Compare) {
		stack := m.leaf(leaf)
		if stack == nil {
			continue
		}
		stack = append(stack, []byte(leaf.Script), m.Leaves[leaf][0])
		if best == nil || len(rawtx.AppendStack(nil, stack)) < len(rawtx.AppendStack(nil, best)) {
			best = stack
		}
	}
	return best
}

func (m maker) keySignature(key XOnly, root []byte) []byte {
	if signature := m.creator.schnorr(m.Provider, key, nil, root); signature != nil {
		return signature
	}
	return m.muSig(key, nil, root)
}

// root returns what tweaks the internal key: nothing is a tree without leaves.
func (m maker) root() []byte {
	if m.MerkleRoot == ([32]byte{}) {
		return []byte{}
	}
	return m.MerkleRoot[:]
}

// noteOrigin adds where a key of a key path comes from.
func (m maker) noteOrigin(key XOnly) {
	if o, ok := m.originOf(key); ok {
		if _, there := m.LeafOrigins[key]; !there {
			put(&m.LeafOrigins, key, LeafOrigin{Origin: o})
		}
	}
}

// leaf returns what a tapscript asks for (BIP342), nil if that cannot be had.
func (m maker) leaf(leaf Leaf) [][]byte {
	if leaf.Version != byte(txscript.BaseLeafVersion) {
		return nil
	}
	required, keys, ok := leafKeys([]byte(leaf.Script))
	if !ok {
		return nil
	}
	stack := make([][]byte, len(keys)) // for the last key first
	have := 0
	for i, key := range keys {
		signature := m.leafSignature(key, leaf)
		if signature == nil || have == required {
			signature = []byte{}
		} else {
			have++
		}
		stack[len(keys)-1-i] = signature
	}
	if have < required {
		return nil
	}
	return stack
}

func (m maker) leafSignature(key XOnly, leaf Leaf) []byte {
	hash := [32]byte(leaf.Hash())
	if o, ok := m.originOf(key); ok {
		noted, there := m.LeafOrigins[key]
		if !there {
			noted.Origin = o
		}
		noted.seenIn(hash)
		put(&m.LeafOrigins, key, noted)
	}
	at := LeafKey{key, hash}
	if signature, ok := m.ScriptSignatures[at]; ok {
		return signature
	}
	signature := m.creator.schnorr(m.Provider, key, &leaf, nil)
	if signature == nil {
		signature = m.muSig(key, &leaf, nil)
	}
	if signature != nil {
		put(&m.ScriptSignatures, at, signature)
	}
	return signature
}

// leafKeys takes apart <key> CHECKSIG, and the multisig of BIP342: <key> CHECKSIG, for
// each further key <key> CHECKSIGADD, then how many signatures are needed and NUMEQUAL.
func leafKeys(script []byte) (required int, keys []XOnly, ok bool) {
	const keyBytes = 32
	for checks := byte(txscript.OP_CHECKSIG); len(script) > keyBytes+1 && script[0] == keyBytes; checks = txscript.OP_CHECKSIGADD {
		if script[keyBytes+1] != checks {
			return 0, nil, false
		}
		keys = append(keys, XOnly(script[1:keyBytes+1]))
		script = script[keyBytes+2:]
	}
	if len(keys) == 1 && len(script) == 0 {
		return 1, keys, true
	}
	if len(script) < 2 || script[len(script)-1] != txscript.OP_NUMEQUAL {
		return 0, nil, false
	}
	switch required = int(script[0]) - txscript.OP_1 + 1; {
	case len(script) == 2 && required >= 1 && required <= 16:
	case len(script) == 3 && script[0] == 1 && script[1] > 16 && script[1] < 0x80:
		required = int(script[1])
	default:
		return 0, nil, false
	}
	return required, keys, len(keys) >= required
}

// Compare orders leaves by script, then by version.
func (l Leaf) Compare(other Leaf) int {
	return cmp.Or(cmp.Compare(l.Script, other.Script), cmp.Compare(l.Version, other.Version))
}
