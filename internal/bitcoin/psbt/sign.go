package psbt

import (
	"bytes"
	"slices"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
)

// Options say how inputs are signed.
type Options struct {
	HashType *txscript.SigHashType // nil for the usual one
	Finalize bool                  // inputs that are complete
}

// Spending prepares to sign a packet's transaction.
func (p *Packet) Spending(check sign.Checker) (*sign.Spending, error) {
	tx, err := p.Unsigned()
	if err != nil {
		return nil, err
	}
	spent := make([]*wire.TxOut, len(p.Inputs))
	for i, in := range p.Inputs {
		spent[i] = in.UTXO()
	}
	return sign.NewSpending(tx, spent, check), nil
}

// Valid reports whether an input's final script and witness are valid.
func (p *Packet) Valid(s *sign.Spending, index int) bool {
	in := p.Inputs[index]
	return in.UTXO() != nil && s.Check(index, in.FinalScriptSig, in.FinalWitness) == nil
}

// Sign adds to an input the signatures that keys of known can make, and all that known
// tells of its scripts. It fails with ErrMissing, ErrHashType, or with ErrIncomplete if the
// input is not complete after it. missing is what would complete it.
func (p *Packet) Sign(s *sign.Spending, index int, known *sign.Provider, options Options) (missing sign.Missing, err error) {
	in := p.Inputs[index]
	if p.Valid(s, index) {
		return missing, nil
	}
	utxo := in.UTXO()
	if utxo == nil {
		return missing, ErrMissing
	}
	kind, err := in.chooseHashType(utxo, options.HashType)
	if err != nil {
		return missing, err
	}
	return in.produce(known, s.Input(index, kind), utxo, options.Finalize)
}

// measure gives an input a script and a witness as long as the final ones will be.
func (in *Input) measure() error {
	utxo := in.UTXO()
	if utxo == nil {
		return ErrMissing
	}
	if _, err := in.chooseHashType(utxo, nil); err != nil {
		return err
	}
	_, err := in.produce(&sign.Provider{}, sign.Dummy{}, utxo, true)
	return err
}

func (in *Input) produce(known *sign.Provider, creator sign.Creator, utxo *wire.TxOut, finalize bool) (sign.Missing, error) {
	data := sign.Data{}
	if in.Final() {
		data.Complete, data.ScriptSig, data.Witness = true, in.FinalScriptSig, in.FinalWitness
	} else {
		data.Material = in.Material.Clone()
	}
	complete := sign.Produce(known, creator, utxo.PkScript, &data)
	// Only a signature of a witness commits to the value, which nobody has verified.
	if in.NonWitnessUTXO == nil && !data.IsWitness {
		return sign.Missing{}, ErrIncomplete
	}
	in.keep(&data, data.Complete && finalize)
	if data.IsWitness {
		in.WitnessUTXO = utxo
	}
	if !complete {
		return data.Missing, ErrIncomplete
	}
	return data.Missing, nil
}

// chooseHashType returns what to sign by, which has to be what the packet and the
// signatures in it say. One that is not the usual one is noted.
func (in *Input) chooseHashType(utxo *wire.TxOut, wanted *txscript.SigHashType) (txscript.SigHashType, error) {
	taproot := output.TypeOf(utxo.PkScript) == output.WitnessTaproot
	kind := txscript.SigHashAll
	if taproot {
		kind = txscript.SigHashDefault
	}
	if wanted != nil {
		kind = *wanted
	}
	if in.HashType != nil && *in.HashType != int32(kind) {
		return 0, ErrHashType
	}
	if kind != txscript.SigHashDefault && (taproot || kind != txscript.SigHashAll) {
		noted := int32(kind)
		in.HashType = &noted
	}
	return kind, in.checkHashTypes(kind)
}

func (in *Input) checkHashTypes(kind txscript.SigHashType) error {
	schnorr := func(signature []byte) bool {
		if kind == txscript.SigHashDefault {
			return len(signature) == minSchnorr
		}
		return len(signature) == maxSchnorr && signature[minSchnorr] == byte(kind)
	}
	if len(in.KeySignature) > 0 && !schnorr(in.KeySignature) {
		return ErrHashType
	}
	for _, signature := range in.ScriptSignatures {
		if !schnorr(signature) {
			return ErrHashType
		}
	}
	for _, s := range in.Signatures {
		if kind != txscript.SigHashDefault && s.Signature[len(s.Signature)-1] != byte(kind) {
			return ErrHashType
		}
	}
	return nil
}

// keep keeps what signing has found out: when it is final, only that.
func (in *Input) keep(data *sign.Data, final bool) {
	if final {
		in.Signatures, in.Origins, in.RedeemScript, in.WitnessScript = nil, nil, nil, nil
		if len(data.ScriptSig) > 0 {
			in.FinalScriptSig = data.ScriptSig
		}
		if len(data.Witness) > 0 {
			in.FinalWitness = data.Witness
		}
		return
	}
	if !in.Final() {
		in.Material = merged(in.Material, data.Material)
	}
}

// merged is Material to which signing has added. Scripts that were there stay, though
// they may be the wrong ones.
func merged(before, after sign.Material) sign.Material {
	if len(before.RedeemScript) > 0 {
		after.RedeemScript = before.RedeemScript
	}
	if len(before.WitnessScript) > 0 {
		after.WitnessScript = before.WitnessScript
	}
	return after
}

// Update adds to an output what is known of its scripts and keys.
func (out *Output) Update(known *sign.Provider) {
	data := sign.Data{Material: out.Material.Clone()}
	if len(out.Tree) > 0 && validKey(append([]byte{2}, out.InternalKey[:]...)) {
		// Bitcoin Core builds the tree anew from the left, which mirrors it.
		out.Tree = slices.Clone(out.Tree)
		slices.Reverse(out.Tree)
		for _, leaf := range out.Tree {
			data.Leaves[sign.Leaf{Script: string(leaf.Script), Version: leaf.Version}] = [][]byte{nil}
		}
	} else {
		data.InternalKey = sign.XOnly{}
	}
	// An input that would spend it: keys that could sign are found, but none does.
	tx := &wire.MsgTx{TxIn: []*wire.TxIn{{}}}
	spending := sign.NewSpending(tx, []*wire.TxOut{wire.NewTxOut(out.Amount, out.Script)}, nil)
	hidden := *known
	hidden.HideSecrets = true
	sign.Produce(&hidden, spending.Input(0, txscript.SigHashAll), out.Script, &data)
	data.Leaves, data.Signatures = nil, nil
	if data.InternalKey == (sign.XOnly{}) {
		data.InternalKey = out.InternalKey
	}
	out.Material = merged(out.Material, data.Material)
}

// Finalize completes inputs whose signatures suffice, and reports whether all are.
func (p *Packet) Finalize(check sign.Checker) bool {
	s, err := p.Spending(check)
	if err != nil {
		return false
	}
	complete := true
	for i, in := range p.Inputs {
		options := Options{Finalize: true}
		if in.HashType != nil {
			kind := txscript.SigHashType(*in.HashType)
			options.HashType = &kind
		}
		_, err := p.Sign(s, i, &sign.Provider{}, options)
		complete = complete && err == nil
	}
	return complete
}

// Extract returns the transaction with the final scripts and witnesses.
func (p *Packet) Extract() (*wire.MsgTx, error) {
	tx, err := p.Unsigned()
	if err != nil {
		return nil, err
	}
	for i, in := range p.Inputs {
		tx.TxIn[i].SignatureScript, tx.TxIn[i].Witness = in.FinalScriptSig, in.FinalWitness
	}
	return tx, nil
}

// DropTransactions drops the transactions that are spent where no signature needs them:
// those of segwit before taproot do not commit to all values that are spent, so they are
// kept if there is one of these, or one that leaves other inputs open.
func (p *Packet) DropTransactions() {
	for _, in := range p.Inputs {
		if in.WitnessUTXO == nil || bytes.HasPrefix(in.WitnessUTXO.PkScript, []byte{txscript.OP_0}) || !txscript.IsWitnessProgram(in.WitnessUTXO.PkScript) {
			return
		}
		if in.HashType != nil && txscript.SigHashType(*in.HashType)&txscript.SigHashAnyOneCanPay != 0 {
			return
		}
	}
	for _, in := range p.Inputs {
		in.NonWitnessUTXO = nil
	}
}
