package psbt

import (
	"cmp"
	"slices"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
	"github.com/bulkheadnode/bulkhead/internal/wording"
)

// Lengths of signatures (BIP340), without and with a hash type.
const minSchnorr, maxSchnorr = 64, 65

func (in *Input) takeTaproot(r record) {
	switch r.kind {
	case inTapSignature:
		if r.plain("Input Taproot Key Path Signature") {
			in.KeySignature = r.schnorr("key path")
		}
	case inTapScriptSig:
		if r.sized("Input Taproot Script Path Signature", 1+xonlyBytes+hashBytes) {
			key := sign.LeafKey{Key: sign.XOnly(r.data.Hash()), Leaf: r.data.Hash()}
			put(&in.ScriptSignatures, key, r.schnorr("script path"))
		}
	case inTapLeaf:
		in.takeLeaf(r)
	case inTapOrigin:
		if key, o := r.leafOrigin("Input"); r.Err() == nil {
			put(&in.LeafOrigins, key, o)
		}
	case inTapInternal:
		if r.plain("Input Taproot Internal Key") {
			in.InternalKey = r.hash()
		}
	case inTapRoot:
		if r.plain("Input Taproot Merkle Root") {
			in.MerkleRoot = r.hash()
		}
	}
}

func (r record) schnorr(path string) []byte {
	signature := r.VarBytes()
	switch {
	case r.Err() != nil:
	case len(signature) < minSchnorr:
		r.Fail(wording.Errorf("Input Taproot %s signature is shorter than 64 bytes", path))
	case len(signature) > maxSchnorr:
		r.Fail(wording.Errorf("Input Taproot %s signature is longer than 65 bytes", path))
	}
	return signature
}

// takeLeaf reads a script of the tree, behind which is its version. The key is its
// control block (BIP341).
func (in *Input) takeLeaf(r record) {
	const least = 2 + xonlyBytes
	if len(r.key) < least {
		r.Fail(wording.Errorf("Input Taproot leaf script key is not at least 34 bytes"))
		return
	}
	if (len(r.key)-2)%hashBytes != 0 {
		r.Fail(wording.Errorf("Input Taproot leaf script key's control block size is not valid"))
		return
	}
	value := r.VarBytes()
	if r.Err() == nil && len(value) == 0 {
		r.Fail(wording.Errorf("Input Taproot leaf script must be at least 1 byte"))
	}
	if r.Err() != nil {
		return
	}
	last := len(value) - 1
	leaf := sign.Leaf{Script: string(value[:last]), Version: value[last]}
	// No key of a map is there twice, so that no block is; sortLeaves orders them.
	put(&in.Leaves, leaf, append(in.Leaves[leaf], r.key[1:]))
}

func (in *Input) sortLeaves() {
	for _, blocks := range in.Leaves {
		slices.SortFunc(blocks, shortestFirst)
	}
}

func shortestFirst(a, b []byte) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), slices.Compare(a, b))
}
