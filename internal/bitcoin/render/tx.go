package render

import (
	"bytes"
	"encoding/hex"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/amount"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/descriptor"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
)

// Transaction is what is to be shown, with the hashes and sizes that its owner
// knows, so that they are not computed again.
type Transaction struct {
	*wire.MsgTx
	ID        chainhash.Hash // txid
	WitnessID chainhash.Hash // wtxid
	Size      int            // bytes with witness data
	Weight    int            // BIP141
}

// Coin is what an input spends.
type Coin struct {
	Value    int64 // satoshi
	Script   []byte
	Height   int32 // of the block that created it
	Coinbase bool
}

// Tx is a transaction in JSON. Members without a value are left out.
type Tx struct {
	TxID      string         `json:"txid"`
	Hash      string         `json:"hash"`
	Version   uint32         `json:"version"`
	Size      int            `json:"size"`
	VSize     int            `json:"vsize"`
	Weight    int            `json:"weight"`
	LockTime  uint32         `json:"locktime"`
	Vin       []Input        `json:"vin"`
	Vout      []Output       `json:"vout"`
	Fee       *amount.Amount `json:"fee,omitempty"`
	BlockHash string         `json:"blockhash,omitempty"` // where REST shows it; NewTx leaves it out
	Hex       string         `json:"hex,omitempty"`
}

// Input is one of its inputs.
type Input struct {
	Coinbase  string     `json:"coinbase,omitempty"`
	TxID      string     `json:"txid,omitempty"`
	Vout      *uint32    `json:"vout,omitempty"`
	ScriptSig *ScriptSig `json:"scriptSig,omitempty"`
	Witness   []string   `json:"txinwitness,omitempty"`
	Prevout   *Prevout   `json:"prevout,omitempty"`
	Sequence  uint32     `json:"sequence"`
}

// ScriptSig is the script of an input.
type ScriptSig struct {
	Asm string `json:"asm"`
	Hex string `json:"hex"`
}

// Prevout is what an input spends.
type Prevout struct {
	Generated bool          `json:"generated"`
	Height    int32         `json:"height"`
	Value     amount.Amount `json:"value"`
	Script    Script        `json:"scriptPubKey"`
}

// Output is one of a transaction's outputs.
type Output struct {
	Value  amount.Amount `json:"value"`
	N      int           `json:"n"`
	Script Script        `json:"scriptPubKey"`
}

// Script is an output script.
type Script struct {
	Asm     string      `json:"asm"`
	Desc    string      `json:"desc"`
	Hex     string      `json:"hex"`
	Address string      `json:"address,omitempty"`
	Type    output.Type `json:"type"`
}

// NewScript shows an output script.
func NewScript(script []byte, net *chaincfg.Params) Script {
	s := Script{
		Asm: Asm(script, false), Desc: descriptor.Infer(script, net), Hex: hex.EncodeToString(script),
		Type: output.TypeOf(script),
	}
	if s.Type != output.PubKey {
		s.Address = address.Of(script, net)
	}
	return s
}

// NewTx shows a transaction; with withHex, its bytes too. spent, if not nil,
// holds what its inputs spend; prevouts shows that as well as the fee.
func NewTx(tx Transaction, net *chaincfg.Params, withHex bool, spent []Coin, prevouts bool) Tx {
	t := Tx{
		TxID: tx.ID.String(), Hash: tx.WitnessID.String(), Version: uint32(tx.Version),
		Size: tx.Size, VSize: (tx.Weight + 3) / 4, Weight: tx.Weight, LockTime: tx.LockTime,
		Vin: make([]Input, len(tx.TxIn)), Vout: make([]Output, len(tx.TxOut)),
	}
	fee := amount.Amount(0) // what is spent less what is created
	for i, in := range tx.TxIn {
		t.Vin[i] = newInput(in, isCoinbase(tx.MsgTx))
		if i < len(spent) {
			fee += amount.Amount(spent[i].Value)
			if prevouts {
				t.Vin[i].Prevout = newPrevout(&spent[i], net)
			}
		}
	}
	for i, out := range tx.TxOut {
		fee -= amount.Amount(out.Value)
		t.Vout[i] = Output{Value: amount.Amount(out.Value), N: i, Script: NewScript(out.PkScript, net)}
	}
	if len(spent) > 0 && len(spent) == len(tx.TxIn) {
		t.Fee = &fee
	}
	if withHex {
		t.Hex = hex.EncodeToString(tx.raw())
	}
	return t
}

func (t Transaction) raw() []byte {
	b := bytes.NewBuffer(make([]byte, 0, t.Size))
	// A bytes.Buffer does not fail.
	_ = t.Serialize(b)
	return b.Bytes()
}

// isCoinbase reports whether a transaction has the form of a coinbase: one
// input, which spends no output.
func isCoinbase(tx *wire.MsgTx) bool {
	return len(tx.TxIn) == 1 && tx.TxIn[0].PreviousOutPoint == wire.OutPoint{Index: wire.MaxPrevOutIndex}
}

func newInput(in *wire.TxIn, coinbase bool) Input {
	shown := Input{Sequence: in.Sequence}
	if coinbase {
		shown.Coinbase = hex.EncodeToString(in.SignatureScript)
	} else {
		index := in.PreviousOutPoint.Index
		shown.TxID, shown.Vout = in.PreviousOutPoint.Hash.String(), &index
		shown.ScriptSig = &ScriptSig{Asm: Asm(in.SignatureScript, true), Hex: hex.EncodeToString(in.SignatureScript)}
	}
	for _, item := range in.Witness {
		shown.Witness = append(shown.Witness, hex.EncodeToString(item))
	}
	return shown
}

func newPrevout(c *Coin, net *chaincfg.Params) *Prevout {
	return &Prevout{Generated: c.Coinbase, Height: c.Height, Value: amount.Amount(c.Value), Script: NewScript(c.Script, net)}
}
