package sign

import (
	"bytes"

	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
)

// Creator makes signatures of one input, and says whether that is then valid.
type Creator interface {
	// ecdsa signs for a public key of the provider's; nil if it cannot.
	ecdsa(p *Provider, id KeyID, code []byte, witness bool) []byte
	// schnorr signs with a key path's key, which a Merkle root tweaks unless it is
	// nil, or if there is a leaf, for a key in that; nil if it cannot.
	schnorr(p *Provider, key XOnly, leaf *Leaf, root []byte) []byte
	// muSigHash is what signers sign together, and its hash type.
	muSigHash(leaf *Leaf) (hash [32]byte, kind txscript.SigHashType, ok bool)
	valid(scriptSig []byte, witness wire.TxWitness) bool
}

// Checker runs the script of an input by the rules for transactions outside of blocks.
// spent are the outputs that the inputs spend, in order. Without one, whatever could be
// solved is taken to be valid.
type Checker func(tx *wire.MsgTx, spent []wire.TxOut, index int) error

// Spending is a transaction that is to be signed.
type Spending struct {
	tx     *wire.MsgTx
	spent  []wire.TxOut
	known  []bool
	all    bool // all are known
	check  Checker
	hashes *txscript.TxSigHashes
	finder outputsByPoint
}

type outputsByPoint map[wire.OutPoint]*wire.TxOut

func (o outputsByPoint) FetchPrevOutput(point wire.OutPoint) *wire.TxOut { return o[point] }

// NewSpending prepares to sign a transaction. spent are the outputs that its inputs
// spend, in order, nil where that is not known.
func NewSpending(tx *wire.MsgTx, spent []*wire.TxOut, check Checker) *Spending {
	s := &Spending{tx: tx, spent: make([]wire.TxOut, len(spent)), known: make([]bool, len(spent)), all: true, check: check, finder: outputsByPoint{}}
	for i, out := range spent {
		if s.known[i] = out != nil; out != nil {
			s.spent[i] = *out
		}
		s.all = s.all && out != nil
		s.finder[tx.TxIn[i].PreviousOutPoint] = &s.spent[i]
	}
	s.hashes = txscript.NewTxSigHashes(tx, s.finder)
	return s
}

// Tx is the transaction.
func (s *Spending) Tx() *wire.MsgTx { return s.tx }

// Check runs the script of an input with a script and a witness for it. A signature of
// BIP341 commits to all that is spent, so without that it is not valid.
func (s *Spending) Check(index int, scriptSig []byte, witness wire.TxWitness) error {
	if !s.known[index] || !s.all && output.TypeOf(s.spent[index].PkScript) == output.WitnessTaproot {
		return errUnknownSpent
	}
	if s.check == nil {
		return nil
	}
	in := *s.tx.TxIn[index]
	in.SignatureScript, in.Witness = scriptSig, witness
	tx := *s.tx
	tx.TxIn = replaced(s.tx.TxIn, index, &in)
	return s.check(&tx, s.spent, index)
}

// replaced returns inputs of which one is another.
func replaced(inputs []*wire.TxIn, index int, in *wire.TxIn) []*wire.TxIn {
	all := append([]*wire.TxIn(nil), inputs...)
	all[index] = in
	return all
}

// Input returns what signs an input by a hash type.
func (s *Spending) Input(index int, hashType txscript.SigHashType) Creator {
	return inputCreator{s, index, hashType}
}

type inputCreator struct {
	*Spending
	index    int
	hashType txscript.SigHashType
}

func (c inputCreator) valid(scriptSig []byte, witness wire.TxWitness) bool {
	return c.Check(c.index, scriptSig, witness) == nil
}

// ecdsaType: what BIP341 calls default is all for signatures before it.
func (c inputCreator) ecdsaType() txscript.SigHashType {
	if c.hashType == txscript.SigHashDefault {
		return txscript.SigHashAll
	}
	return c.hashType
}

func (c inputCreator) ecdsa(p *Provider, id KeyID, code []byte, witness bool) []byte {
	secret, ok := p.secret(id)
	value := c.spent[c.index].Value
	if !ok || witness && (!secret.Compressed || value < 0 || value > maxMoney) {
		return nil
	}
	kind := c.ecdsaType()
	if !witness && kind&singleMask == txscript.SigHashSingle && c.index >= len(c.tx.TxOut) {
		return nil // before BIP143 that signs the number 1, and with it any transaction
	}
	hash := c.ecdsaHash(c.index, kind, code, witness)
	if hash == nil {
		return nil
	}
	return append(signECDSA(secret.Key, hash), byte(kind))
}

// singleMask leaves out of a hash type whether others may add inputs.
const singleMask = 0x1f

// maxMoney is what can be spent at most, in satoshi.
const maxMoney = 21_000_000 * 100_000_000

// ecdsaHash is what an ECDSA signature signs (BIP143 for witnesses); nil for a script
// that does not parse.
func (s *Spending) ecdsaHash(index int, kind txscript.SigHashType, code []byte, witness bool) (hash []byte) {
	var err error
	if witness {
		hash, err = txscript.CalcWitnessSigHash(code, s.hashes, kind, s.tx, index, s.spent[index].Value)
	} else {
		hash, err = txscript.CalcSignatureHash(code, kind, s.tx, index)
	}
	if err != nil {
		return nil
	}
	return hash
}

func (c inputCreator) schnorr(p *Provider, key XOnly, leaf *Leaf, root []byte) []byte {
	secret, ok := p.secretOf(key)
	if !ok || !c.all {
		return nil
	}
	hash, err := c.taprootHash(leaf)
	if err != nil {
		return nil
	}
	if root != nil {
		secret = txscript.TweakTaprootPrivKey(*secret, root)
		defer secret.Zero()
	}
	signature, err := schnorr.Sign(secret, hash, schnorr.CustomNonce([32]byte{}))
	if err != nil {
		return nil
	}
	raw := signature.Serialize()
	if c.hashType != txscript.SigHashDefault {
		raw = append(raw, byte(c.hashType))
	}
	return raw
}

func (c inputCreator) muSigHash(leaf *Leaf) (hash [32]byte, kind txscript.SigHashType, ok bool) {
	if !c.all {
		return hash, 0, false
	}
	raw, err := c.taprootHash(leaf)
	if err != nil {
		return hash, 0, false
	}
	return [32]byte(raw), c.hashType, true
}

func (c inputCreator) taprootHash(leaf *Leaf) ([]byte, error) {
	if leaf == nil {
		return txscript.CalcTaprootSignatureHash(c.hashes, c.hashType, c.tx, c.index, c.finder)
	}
	return txscript.CalcTapscriptSignaturehash(c.hashes, c.hashType, c.tx, c.index, c.finder,
		txscript.TapLeaf{LeafVersion: txscript.TapscriptLeafVersion(leaf.Version), Script: []byte(leaf.Script)})
}

// Hash returns the leaf's hash (BIP341).
func (l Leaf) Hash() chainhash.Hash {
	return txscript.TapLeaf{LeafVersion: txscript.TapscriptLeafVersion(l.Version), Script: []byte(l.Script)}.TapHash()
}

// Dummy makes bytes that are as long as signatures, for the size of a transaction.
type Dummy struct{}

// Lengths of dummies: DER with r and s of 32 bytes and a hash type, and BIP340.
const ecdsaBytes, schnorrBytes = 71, 64

func (Dummy) ecdsa(*Provider, KeyID, []byte, bool) []byte { return bytes.Repeat([]byte{1}, ecdsaBytes) }

func (Dummy) schnorr(*Provider, XOnly, *Leaf, []byte) []byte { return make([]byte, schnorrBytes) }

func (Dummy) muSigHash(*Leaf) (hash [32]byte, kind txscript.SigHashType, ok bool) {
	return hash, 0, false // it signs whatever others might
}

func (Dummy) valid([]byte, wire.TxWitness) bool { return true }
