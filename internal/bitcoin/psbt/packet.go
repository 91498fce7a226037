package psbt

import (
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
)

// Packet is a partially signed transaction.
type Packet struct {
	Version   uint32 // 0 or 2
	TxVersion uint32
	LockTime  *uint32 // if no input asks for another
	// Modifiable are the flags of BIP370: inputs, outputs, and that one is signed by
	// SIGHASH_SINGLE. Version 2 only.
	Modifiable *byte
	XPubs      []XPub
	Inputs     []*Input
	Outputs    []*Output
	Extra
}

// Extra are records that mean something to others: by their keys, which begin with the
// type.
type Extra struct {
	Proprietary map[string][]byte
	Unknown     map[string][]byte
}

// Lengths of an extended public key (BIP32), with its version.
const (
	xpubBytes     = 78
	xpubChainCode = 13
	xpubKey       = 45
)

// XPub is an extended public key with its origin.
type XPub struct {
	Raw [xpubBytes]byte
	sign.Origin
}

// Hashes of which preimages may be known, in the order of their records.
const (
	RIPEMD160 = iota
	SHA256
	Hash160
	Hash256
	hashes
)

// Input is what is known of an input. All of it but the outpoint may be absent.
type Input struct {
	sign.Material
	PrevOut        wire.OutPoint
	Sequence       *uint32
	TimeLock       *uint32 // required, version 2 only
	HeightLock     *uint32
	NonWitnessUTXO *wire.MsgTx // the whole transaction that is spent
	WitnessUTXO    *wire.TxOut // the output that is spent
	HashType       *int32
	FinalScriptSig []byte
	FinalWitness   wire.TxWitness
	Preimages      [hashes]map[string][]byte // by hash
	Extra
}

// Output is what is known of an output. Of Material, signatures are not used.
type Output struct {
	sign.Material
	Amount int64 // satoshi
	Script []byte
	Tree   []TreeLeaf
	Extra
}

// TreeLeaf is a leaf of a taproot tree, of which they are listed depth first.
type TreeLeaf struct {
	Depth, Version byte
	Script         []byte
}

// New makes a packet of a transaction, whose scripts and witnesses are not looked at.
func New(tx *wire.MsgTx, version uint32) *Packet {
	p := &Packet{Version: version, TxVersion: uint32(tx.Version), LockTime: &tx.LockTime}
	for _, in := range tx.TxIn {
		p.Inputs = append(p.Inputs, &Input{PrevOut: in.PreviousOutPoint, Sequence: &in.Sequence})
	}
	for _, out := range tx.TxOut {
		p.Outputs = append(p.Outputs, &Output{Amount: out.Value, Script: out.PkScript})
	}
	return p
}

// UTXO returns the output that an input spends, nil if that is not known.
func (in *Input) UTXO() *wire.TxOut {
	switch tx := in.NonWitnessUTXO; {
	case tx == nil:
		return in.WitnessUTXO
	case uint64(in.PrevOut.Index) >= uint64(len(tx.TxOut)):
		return nil
	}
	return in.NonWitnessUTXO.TxOut[in.PrevOut.Index]
}

// Final reports whether an input has its final script or witness.
func (in *Input) Final() bool { return len(in.FinalScriptSig) > 0 || len(in.FinalWitness) > 0 }
