package psbt

import (
	"bytes"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/rawtx"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/serial"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
	"github.com/bulkheadnode/bulkhead/internal/wording"
)

// ErrExtra is the error of bytes behind a packet.
var ErrExtra = wording.Errorf("extra data after PSBT")

// highest is the last version that is known.
const highest = 2

// header is what is read of the global map besides the packet.
type header struct {
	tx              *wire.MsgTx
	inputs, outputs uint64
	given           map[uint64]bool // types
}

// Parse reads a packet, which is all of raw. An error is of the form, but for ErrExtra.
func Parse(raw []byte) (*Packet, error) {
	r := serial.NewReader(raw)
	if start := r.Take(len(magic)); start != nil && string(start) != magic {
		return nil, wording.Errorf("Invalid PSBT magic bytes")
	}
	p, h := &Packet{}, header{given: map[uint64]bool{}}
	takeMap(r, "global", "the global", func(rec record) { p.takeGlobal(&h, rec) })
	p.sortXPubs()
	if r.Err() == nil {
		if err := h.check(p.Version); err != nil {
			return nil, err
		}
	}
	p.takeInputs(r, &h)
	p.takeOutputs(r, &h)
	switch {
	case r.Err() != nil:
		return nil, r.Err()
	case r.Len() > 0:
		return nil, ErrExtra
	}
	return p, nil
}

func (p *Packet) takeGlobal(h *header, r record) {
	switch r.kind {
	case globalTx:
		if r.plain("Global Unsigned TX") {
			p.takeTx(h, r)
		}
	case globalTxVersion:
		if r.plain("Global Transaction Version") {
			p.TxVersion = r.number()
		}
	case globalLockTime:
		if r.plain("Global Fallback Locktime") {
			p.LockTime = r.optional()
		}
	case globalInputCount:
		if r.plain("Global Input Count") {
			r.within(func(v *serial.Reader) { h.inputs = v.CompactSize() })
		}
	case globalOutputCount:
		if r.plain("Global Output Count") {
			r.within(func(v *serial.Reader) { h.outputs = v.CompactSize() })
		}
	case globalModifiable:
		if r.plain("Global TX Modifiable Flags") {
			var flags byte
			r.within(func(v *serial.Reader) { flags = v.Byte() })
			p.Modifiable = &flags
		}
	case globalXPub:
		p.takeXPub(r)
	case globalVersion:
		if r.plain("Global PSBT Version") {
			if p.Version = r.number(); p.Version > highest {
				r.Fail(wording.Errorf("Unsupported version number"))
			}
		}
	default:
		r.extra(&p.Extra)
	}
	h.given[r.kind] = true
}

func (p *Packet) takeTx(h *header, r record) {
	r.within(func(v *serial.Reader) { h.tx = rawtx.Take(v, false) })
	if r.Err() != nil {
		return
	}
	for _, in := range h.tx.TxIn {
		if len(in.SignatureScript) > 0 {
			r.Fail(wording.Errorf("Unsigned tx does not have empty scriptSigs and scriptWitnesses."))
		}
	}
	p.TxVersion, p.LockTime = uint32(h.tx.Version), &h.tx.LockTime
	h.inputs, h.outputs = uint64(len(h.tx.TxIn)), uint64(len(h.tx.TxOut))
}

func (p *Packet) takeXPub(r record) {
	if !r.sized("Global XPUB", 1+xpubBytes) {
		return
	}
	x := XPub{Raw: [xpubBytes]byte(r.key[1:])}
	// BIP32: a master key is nobody's child.
	master := x.Raw[4] == 0 && !bytes.Equal(x.Raw[5:xpubChainCode], make([]byte, 8))
	if master || !validKey(x.Raw[xpubKey:]) {
		r.Fail(wording.Errorf("Invalid pubkey"))
		return
	}
	x.Origin = r.origin(r.CompactSize())
	p.XPubs = append(p.XPubs, x)
}

// sortXPubs puts extended keys in order, the first of each that is there with the same
// origin.
func (p *Packet) sortXPubs() {
	slices.SortStableFunc(p.XPubs, XPub.compare)
	p.XPubs = slices.CompactFunc(p.XPubs, func(a, b XPub) bool { return a.compare(b) == 0 })
}

func (x XPub) compare(other XPub) int {
	if c := x.Origin.Compare(other.Origin); c != 0 {
		return c
	}
	return x.compareKeys(other)
}

// compareKeys takes no notice of depth and parent.
func (x XPub) compareKeys(other XPub) int {
	if c := bytes.Compare(x.Raw[xpubKey:], other.Raw[xpubKey:]); c != 0 {
		return c
	}
	return bytes.Compare(x.Raw[xpubChainCode:xpubKey], other.Raw[xpubChainCode:xpubKey])
}

// check verifies that the global map has what its version asks for, and nothing of the
// other.
func (h *header) check(version uint32) error {
	fields := []struct {
		kind     uint64
		name     string
		required bool
	}{
		{globalTxVersion, "PSBT_GLOBAL_TX_VERSION", true},
		{globalLockTime, "PSBT_GLOBAL_FALLBACK_LOCKTIME", false},
		{globalInputCount, "PSBT_GLOBAL_INPUT_COUNT", true},
		{globalOutputCount, "PSBT_GLOBAL_OUTPUT_COUNT", true},
		{globalModifiable, "PSBT_GLOBAL_TX_MODIFIABLE", false},
	}
	switch {
	case version == 1:
		return wording.Errorf("There is no PSBT version 1")
	case version == 0 && h.tx == nil:
		return wording.Errorf("No unsigned transaction was provided")
	}
	for _, f := range fields {
		if version == 0 && h.given[f.kind] {
			return wording.Errorf("%s is not allowed in PSBTv0", f.name)
		}
		if version == 2 && f.required && !h.given[f.kind] {
			return wording.Errorf("%s is required in PSBTv2", f.name)
		}
	}
	if version == 2 && h.tx != nil {
		return wording.Errorf("PSBT_GLOBAL_UNSIGNED_TX is not allowed in PSBTv2")
	}
	return nil
}

func (p *Packet) takeInputs(r *serial.Reader, h *header) {
	for i := uint64(0); i < h.inputs && r.Len() > 0; i++ {
		in := &Input{}
		if h.tx != nil {
			in.PrevOut, in.Sequence = h.tx.TxIn[i].PreviousOutPoint, &h.tx.TxIn[i].Sequence
		}
		in.take(r, p.Version)
		if r.Err() == nil {
			in.checkPrevious(r)
		}
		p.Inputs = append(p.Inputs, in)
	}
	if uint64(len(p.Inputs)) != h.inputs {
		r.Fail(wording.Errorf("Inputs provided does not match the number of inputs in transaction."))
	}
}

// checkPrevious verifies that a transaction that is spent is the one.
func (in *Input) checkPrevious(r *serial.Reader) {
	switch tx := in.NonWitnessUTXO; {
	case tx == nil:
	case tx.TxHash() != in.PrevOut.Hash:
		r.Fail(wording.Errorf("Non-witness UTXO does not match outpoint hash"))
	case uint64(in.PrevOut.Index) >= uint64(len(tx.TxOut)):
		r.Fail(wording.Errorf("Input specifies output index that does not exist"))
	}
}

func (p *Packet) takeOutputs(r *serial.Reader, h *header) {
	for i := uint64(0); i < h.outputs && r.Len() > 0; i++ {
		out := &Output{}
		if h.tx != nil {
			out.Amount, out.Script = h.tx.TxOut[i].Value, h.tx.TxOut[i].PkScript
		}
		out.take(r, p.Version)
		p.Outputs = append(p.Outputs, out)
	}
	if uint64(len(p.Outputs)) != h.outputs {
		r.Fail(wording.Errorf("Outputs provided does not match the number of outputs in transaction."))
	}
}

// originsOf is how Material keeps origins.
func originsOf(m *sign.Material, r record) {
	if id, o := r.keyOrigin(); r.Err() == nil {
		put(&m.Origins, id, o)
	}
}
