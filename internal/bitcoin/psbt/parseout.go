package psbt

import (
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/serial"
	"github.com/bulkheadnode/bulkhead/internal/wording"
)

// take reads the map of an output.
func (out *Output) take(r *serial.Reader, version uint32) {
	given := map[uint64]bool{}
	takeMap(r, "output", "an output", func(rec record) {
		out.takeRecord(rec, version)
		given[rec.kind] = true
	})
	if version < 2 {
		return
	}
	if !given[outAmount] {
		r.Fail(wording.Errorf("Output amount is required in PSBTv2"))
	}
	if !given[outScript] {
		r.Fail(wording.Errorf("Output script is required in PSBTv2"))
	}
}

func (out *Output) takeRecord(r record, version uint32) {
	switch r.kind {
	case outRedeem:
		if r.plain("Output redeemScript") {
			out.RedeemScript = r.VarBytes()
		}
	case outWitnessScript:
		if r.plain("Output witnessScript") {
			out.WitnessScript = r.VarBytes()
		}
	case outOrigin:
		originsOf(&out.Material, r)
	case outAmount:
		if r.plain("Output Amount") && r.allowed("Output amount", version) {
			r.within(func(v *serial.Reader) { out.Amount = int64(v.Uint64()) })
		}
	case outScript:
		if r.plain("Output Script") && r.allowed("Output script", version) {
			out.Script = r.VarBytes()
		}
	case outTapInternal:
		if r.plain("Output Taproot Internal Key") {
			out.InternalKey = r.hash()
		}
	case outTapTree:
		if r.plain("Output Taproot Tree Key") {
			out.Tree = takeTree(r)
		}
	case outTapOrigin:
		if key, o := r.leafOrigin("Output"); r.Err() == nil {
			put(&out.LeafOrigins, key, o)
		}
	case outParticipants:
		if aggregate, keys := r.participants("Output"); r.Err() == nil {
			put(&out.Participants, aggregate, keys)
		}
	default:
		r.extra(&out.Extra)
	}
}

func (r record) allowed(name string, version uint32) bool {
	if version < 2 {
		r.Fail(wording.Errorf("%s is not allowed in PSBTv0", name))
		return false
	}
	return true
}

// Limits of a taproot tree (BIP341).
const (
	maxDepth = 128
	leafMask = 0xfe // of leaf versions
)

func takeTree(r record) (leaves []TreeLeaf) {
	value := r.VarBytes()
	if r.Err() != nil {
		return nil
	}
	if len(value) == 0 {
		r.Fail(wording.Errorf("Output Taproot tree must not be empty"))
		return nil
	}
	var shape treeShape
	for v := serial.NewReader(value); v.Len() > 0; {
		leaf := TreeLeaf{Depth: v.Byte(), Version: v.Byte(), Script: v.VarBytes()}
		switch {
		case v.Err() != nil:
			r.Fail(v.Err())
		case leaf.Depth > maxDepth:
			r.Fail(wording.Errorf("Output Taproot tree has as leaf greater than Taproot maximum depth"))
		case leaf.Version&^leafMask != 0:
			r.Fail(wording.Errorf("Output Taproot tree has a leaf with an invalid leaf version"))
		}
		if r.Err() != nil {
			return nil
		}
		shape.add(int(leaf.Depth))
		leaves = append(leaves, leaf)
	}
	if !shape.complete() {
		r.Fail(wording.Errorf("Output Taproot tree is malformed"))
	}
	return leaves
}

// treeShape follows leaves depth first: at which depths there is a subtree that waits
// for its sibling, the deepest last.
type treeShape struct {
	waiting []int
	broken  bool
}

func (s *treeShape) add(depth int) {
	if n := len(s.waiting); n > 0 && depth < s.waiting[n-1] {
		s.broken = true
	}
	for n := len(s.waiting); n > 0 && s.waiting[n-1] == depth && !s.broken; n-- {
		if depth == 0 {
			s.broken = true
		}
		s.waiting = s.waiting[:n-1]
		depth--
	}
	s.waiting = append(s.waiting, depth)
}

func (s *treeShape) complete() bool { return !s.broken && len(s.waiting) == 1 && s.waiting[0] == 0 }
