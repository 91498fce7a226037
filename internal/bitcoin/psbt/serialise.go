package psbt

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"iter"
	"maps"
	"slices"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/rawtx"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/serial"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
)

// writer appends records.
type writer struct{ raw []byte }

// record appends a key of a type and what follows it, and a value.
func (w *writer) record(kind byte, key, value []byte) {
	w.raw = serial.AppendCompactSize(w.raw, uint64(1+len(key)))
	w.raw = append(append(w.raw, kind), key...)
	w.raw = serial.AppendVarBytes(w.raw, value)
}

// some is record for a value that may be absent.
func (w *writer) some(kind byte, value []byte) {
	if len(value) > 0 {
		w.record(kind, nil, value)
	}
}

func (w *writer) number(kind byte, n *uint32) {
	if n != nil {
		w.record(kind, nil, binary.LittleEndian.AppendUint32(nil, *n))
	}
}

// known is record for a key or a hash, of which zero is none.
func (w *writer) known(kind byte, value [32]byte) {
	if value != ([32]byte{}) {
		w.record(kind, nil, value[:])
	}
}

// whole appends records by their keys, which have the type.
func (w *writer) whole(records map[string][]byte) {
	for key, value := range Sorted(records) {
		w.raw = serial.AppendVarBytes(serial.AppendVarBytes(w.raw, []byte(key)), value)
	}
}

func (w *writer) end() { w.raw = append(w.raw, separator) }

// Sorted ranges over a map in the order of its keys.
func Sorted[K cmp.Ordered, V any](m map[K]V) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}

// Serialize returns the bytes of a packet.
func (p *Packet) Serialize() []byte {
	w := &writer{raw: []byte(magic)}
	if p.Version < 2 {
		// No input of version 0 asks for a lock time, so there is no contradiction.
		tx, _ := p.Unsigned()
		w.record(globalTx, nil, rawtx.AppendLegacy(nil, tx))
	}
	for _, x := range p.XPubs {
		w.record(globalXPub, x.Raw[:], appendOrigin(nil, x.Origin))
	}
	if p.Version >= 2 {
		w.version2(p)
	}
	w.whole(p.Proprietary)
	w.whole(p.Unknown)
	w.end()
	for _, in := range p.Inputs {
		w.input(in, p.Version)
	}
	for _, out := range p.Outputs {
		w.output(out, p.Version)
	}
	return w.raw
}

func (w *writer) version2(p *Packet) {
	w.number(globalTxVersion, &p.TxVersion)
	w.number(globalLockTime, p.LockTime)
	w.record(globalInputCount, nil, serial.AppendCompactSize(nil, uint64(len(p.Inputs))))
	w.record(globalOutputCount, nil, serial.AppendCompactSize(nil, uint64(len(p.Outputs))))
	if p.Modifiable != nil {
		w.record(globalModifiable, nil, []byte{*p.Modifiable})
	}
	w.number(globalVersion, &p.Version)
}

func (w *writer) input(in *Input, version uint32) {
	if in.NonWitnessUTXO != nil {
		w.record(inNonWitnessUTXO, nil, rawtx.AppendLegacy(nil, in.NonWitnessUTXO))
	}
	if out := in.WitnessUTXO; out != nil {
		value := binary.LittleEndian.AppendUint64(nil, uint64(out.Value))
		w.record(inWitnessUTXO, nil, serial.AppendVarBytes(value, out.PkScript))
	}
	if !in.Final() {
		w.unfinished(in)
	}
	w.some(inScriptSig, in.FinalScriptSig)
	if len(in.FinalWitness) > 0 {
		w.record(inWitness, nil, rawtx.AppendStack(nil, in.FinalWitness))
	}
	if version >= 2 {
		w.record(inTxID, nil, in.PrevOut.Hash[:])
		w.number(inIndex, &in.PrevOut.Index)
		w.number(inSequence, in.Sequence)
		w.number(inTimeLock, in.TimeLock)
		w.number(inHeightLock, in.HeightLock)
	}
	w.whole(in.Proprietary)
	w.whole(in.Unknown)
	w.end()
}

// unfinished writes what nobody needs of an input that is final.
func (w *writer) unfinished(in *Input) {
	for _, s := range in.SortedSignatures() {
		w.record(inSignature, s.Key, s.Signature)
	}
	if in.HashType != nil {
		kind := uint32(*in.HashType)
		w.number(inHashType, &kind)
	}
	w.some(inRedeem, in.RedeemScript)
	w.some(inWitnessScript, in.WitnessScript)
	w.origins(inOrigin, &in.Material)
	for which, preimages := range in.Preimages {
		for hash, preimage := range Sorted(preimages) {
			w.record(inRIPEMD160+byte(which), []byte(hash), preimage)
		}
	}
	w.some(inTapSignature, in.KeySignature)
	for _, key := range SortedKeys(in.ScriptSignatures, CompareLeafKeys) {
		w.record(inTapScriptSig, slices.Concat(key.Key[:], key.Leaf[:]), in.ScriptSignatures[key])
	}
	for _, leaf := range SortedKeys(in.Leaves, sign.Leaf.Compare) {
		for _, control := range in.Leaves[leaf] {
			w.record(inTapLeaf, control, append([]byte(leaf.Script), leaf.Version))
		}
	}
	w.leafOrigins(inTapOrigin, &in.Material)
	w.known(inTapInternal, in.InternalKey)
	w.known(inTapRoot, in.MerkleRoot)
	w.participants(inParticipants, in.Participants)
	w.muSig(inNonce, in.Nonces)
	w.muSig(inPartial, in.Partials)
}

func (w *writer) output(out *Output, version uint32) {
	w.some(outRedeem, out.RedeemScript)
	w.some(outWitnessScript, out.WitnessScript)
	w.origins(outOrigin, &out.Material)
	if version >= 2 {
		w.record(outAmount, nil, binary.LittleEndian.AppendUint64(nil, uint64(out.Amount)))
		w.record(outScript, nil, out.Script)
	}
	w.whole(out.Proprietary)
	w.known(outTapInternal, out.InternalKey)
	var tree []byte
	for _, leaf := range out.Tree {
		tree = serial.AppendVarBytes(append(tree, leaf.Depth, leaf.Version), leaf.Script)
	}
	w.some(outTapTree, tree)
	w.leafOrigins(outTapOrigin, &out.Material)
	w.participants(outParticipants, out.Participants)
	w.whole(out.Unknown)
	w.end()
}

func (w *writer) origins(kind byte, m *sign.Material) {
	for _, o := range SortedOrigins(m) {
		w.record(kind, o.Key, appendOrigin(nil, o.Origin))
	}
}

func appendOrigin(b []byte, o sign.Origin) []byte {
	b = append(b, o.Fingerprint[:]...)
	for _, step := range o.Path {
		b = binary.LittleEndian.AppendUint32(b, step)
	}
	return b
}

func (w *writer) leafOrigins(kind byte, m *sign.Material) {
	for _, key := range SortedKeys(m.LeafOrigins, compareXOnly) {
		o := m.LeafOrigins[key]
		value := serial.AppendCompactSize(nil, uint64(len(o.Leaves)))
		for _, leaf := range o.Leaves {
			value = append(value, leaf[:]...)
		}
		w.record(kind, key[:], appendOrigin(value, o.Origin))
	}
}

func (w *writer) participants(kind byte, participants map[string][][]byte) {
	for aggregate, keys := range Sorted(participants) {
		w.record(kind, []byte(aggregate), slices.Concat(keys...))
	}
}

func (w *writer) muSig(kind byte, values map[sign.MuSigKey][]byte) {
	for _, key := range SortedKeys(values, sign.MuSigKey.Compare) {
		data := []byte(key.Participant + key.Aggregate)
		if key.Leaf != ([32]byte{}) {
			data = append(data, key.Leaf[:]...)
		}
		w.record(kind, data, values[key])
	}
}

func compareXOnly(a, b sign.XOnly) int { return bytes.Compare(a[:], b[:]) }

// CompareLeafKeys orders by key, then by leaf.
func CompareLeafKeys(a, b sign.LeafKey) int {
	return cmp.Or(compareXOnly(a.Key, b.Key), compareHashes(a.Leaf, b.Leaf))
}

// SortedKeys returns the keys of a map in an order.
func SortedKeys[K comparable, V any](m map[K]V, compare func(a, b K) int) []K {
	return slices.SortedFunc(maps.Keys(m), compare)
}

// SortedSignatures returns an input's signatures in the order of their public keys'
// hashes.
func (in *Input) SortedSignatures() (list []sign.Signature) {
	for _, id := range SortedKeys(in.Signatures, func(a, b sign.KeyID) int { return bytes.Compare(a[:], b[:]) }) {
		list = append(list, in.Signatures[id])
	}
	return list
}

// SortedOrigins returns origins in the order of the public keys.
func SortedOrigins(m *sign.Material) []sign.KeyOrigin {
	return slices.SortedFunc(maps.Values(m.Origins), func(a, b sign.KeyOrigin) int { return bytes.Compare(a.Key, b.Key) })
}
