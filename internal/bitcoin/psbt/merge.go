package psbt

import (
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
)

// Merge adds what another packet knows of the same transaction, and lets stand what is
// there. It reports whether they are of the same transaction and version.
func (p *Packet) Merge(other *Packet) bool {
	id, err := p.id()
	otherID, otherErr := other.id()
	if err != nil || otherErr != nil || id != otherID || p.Version != other.Version {
		return false
	}
	for i, in := range p.Inputs {
		in.merge(other.Inputs[i])
	}
	for i, out := range p.Outputs {
		out.merge(other.Outputs[i])
	}
	p.mergeXPubs(other)
	first(&p.LockTime, other.LockTime)
	p.mergeModifiable(other)
	p.Extra.merge(other.Extra)
	return true
}

// mergeXPubs adds extended keys that are not there with any origin.
func (p *Packet) mergeXPubs(other *Packet) {
	have := make(map[[xpubBytes - xpubChainCode]byte]struct{}, len(p.XPubs))
	for _, x := range p.XPubs {
		have[x.keys()] = struct{}{}
	}
	for _, x := range other.XPubs {
		if _, there := have[x.keys()]; !there {
			have[x.keys()] = struct{}{}
			p.XPubs = append(p.XPubs, x)
		}
	}
	p.sortXPubs()
}

// keys are the chain code and the key.
func (x XPub) keys() [xpubBytes - xpubChainCode]byte {
	return [xpubBytes - xpubChainCode]byte(x.Raw[xpubChainCode:])
}

// mergeModifiable: both have to allow changes, and one is enough for SIGHASH_SINGLE.
func (p *Packet) mergeModifiable(other *Packet) {
	if p.Modifiable == nil && other.Modifiable == nil {
		return
	}
	const single = 1 << 2
	var flags [2]byte
	for i, have := range []*byte{p.Modifiable, other.Modifiable} {
		if have != nil {
			flags[i] = *have
		}
	}
	merged := flags[0]&flags[1]&^single | (flags[0]|flags[1])&single
	p.Modifiable = &merged
}

func (in *Input) merge(other *Input) {
	in.Material.Fill(other.Material)
	first(&in.NonWitnessUTXO, other.NonWitnessUTXO)
	first(&in.WitnessUTXO, other.WitnessUTXO)
	first(&in.Sequence, other.Sequence)
	first(&in.TimeLock, other.TimeLock)
	first(&in.HeightLock, other.HeightLock)
	if len(in.FinalScriptSig) == 0 {
		in.FinalScriptSig = other.FinalScriptSig
	}
	if len(in.FinalWitness) == 0 {
		in.FinalWitness = other.FinalWitness
	}
	for i := range in.Preimages {
		sign.Union(&in.Preimages[i], other.Preimages[i])
	}
	in.Extra.merge(other.Extra)
}

func (out *Output) merge(other *Output) {
	out.Material.Fill(other.Material)
	if len(out.Tree) == 0 {
		out.Tree = other.Tree
	}
	out.Extra.merge(other.Extra)
}

func (e *Extra) merge(other Extra) {
	sign.Union(&e.Proprietary, other.Proprietary)
	sign.Union(&e.Unknown, other.Unknown)
}

func first[T any](have **T, other *T) {
	if *have == nil {
		*have = other
	}
}

// Join makes one packet of version 0 of several. The transaction's version is the
// highest, and the lock time the lowest. It reports the first input that two have. order
// is a shuffle of n things.
func Join(packets []*Packet, order func(n int, swap func(i, j int))) (joined *Packet, twice *Input) {
	lock := ^uint32(0)
	joined = &Packet{TxVersion: 1, LockTime: &lock}
	seen := map[wire.OutPoint]bool{}
	for _, p := range packets {
		joined.TxVersion = max(joined.TxVersion, p.TxVersion)
		lock = min(lock, *p.LockTime)
		for _, in := range p.Inputs {
			if seen[in.PrevOut] {
				return nil, in
			}
			seen[in.PrevOut] = true
			in.Signatures, in.FinalScriptSig, in.FinalWitness = nil, nil, nil
			joined.Inputs = append(joined.Inputs, in)
		}
		joined.Outputs = append(joined.Outputs, p.Outputs...)
		sign.Union(&joined.Unknown, p.Unknown)
	}
	ins, outs := joined.Inputs, joined.Outputs
	order(len(ins), func(i, j int) { ins[i], ins[j] = ins[j], ins[i] })
	order(len(outs), func(i, j int) { outs[i], outs[j] = outs[j], outs[i] })
	return joined, nil
}
