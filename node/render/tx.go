package render

import (
	"encoding/hex"
	"fmt"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// Amount is satoshi, shown as a number of bitcoins with eight decimals.
type Amount int64

// MarshalJSON writes the number.
func (a Amount) MarshalJSON() ([]byte, error) {
	sign := ""
	if a < 0 {
		sign, a = "-", -a
	}
	return fmt.Appendf(nil, "%s%d.%08d", sign, a/consensus.Coin, a%consensus.Coin), nil
}

// Tx is a transaction. Members without a value are left out.
type Tx struct {
	TxID     string   `json:"txid"`
	Hash     string   `json:"hash"`
	Version  uint32   `json:"version"`
	Size     int      `json:"size"`
	VSize    int      `json:"vsize"`
	Weight   int      `json:"weight"`
	LockTime uint32   `json:"locktime"`
	Vin      []Input  `json:"vin"`
	Vout     []Output `json:"vout"`
	Fee      *Amount  `json:"fee,omitempty"`
	Hex      string   `json:"hex,omitempty"`
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
	Generated bool   `json:"generated"`
	Height    int32  `json:"height"`
	Value     Amount `json:"value"`
	Script    Script `json:"scriptPubKey"`
}

// Output is one of a transaction's outputs.
type Output struct {
	Value  Amount `json:"value"`
	N      int    `json:"n"`
	Script Script `json:"scriptPubKey"`
}

// Script is an output script.
type Script struct {
	Asm     string        `json:"asm"`
	Desc    string        `json:"desc"`
	Hex     string        `json:"hex"`
	Address string        `json:"address,omitempty"`
	Type    mempool.Class `json:"type"`
}

// NewScript shows an output script.
func NewScript(script []byte, net *chaincfg.Params) Script {
	s := Script{
		Asm: Asm(script, false), Desc: Descriptor(script, net), Hex: hex.EncodeToString(script),
		Type: mempool.Classify(script),
	}
	if s.Type != mempool.PubKey {
		s.Address = address.Of(script, net)
	}
	return s
}

// NewTx shows a transaction; with withHex, its bytes too. spent, if not nil,
// holds what its inputs spend; prevouts shows that as well as the fee.
func NewTx(tx *consensus.Tx, net *chaincfg.Params, withHex bool, spent []coins.Coin, prevouts bool) Tx {
	t := Tx{
		TxID: tx.ID.String(), Hash: tx.WitnessID.String(), Version: uint32(tx.Version),
		Size: tx.Size, VSize: (tx.Weight() + 3) / 4, Weight: tx.Weight(), LockTime: tx.LockTime,
		Vin: make([]Input, len(tx.TxIn)), Vout: make([]Output, len(tx.TxOut)),
	}
	total := int64(0)
	for i := range tx.TxIn {
		t.Vin[i] = newInput(tx, i)
		if i < len(spent) {
			total += spent[i].Value
			if prevouts {
				t.Vin[i].Prevout = newPrevout(&spent[i], net)
			}
		}
	}
	for i, out := range tx.TxOut {
		t.Vout[i] = Output{Value: Amount(out.Value), N: i, Script: NewScript(out.PkScript, net)}
	}
	if len(spent) > 0 && len(spent) == len(tx.TxIn) {
		fee := Amount(total - tx.ValueOut())
		t.Fee = &fee
	}
	if withHex {
		t.Hex = hex.EncodeToString(tx.Raw())
	}
	return t
}

func newInput(tx *consensus.Tx, i int) Input {
	in := tx.TxIn[i]
	shown := Input{Sequence: in.Sequence}
	if tx.IsCoinbase() {
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

func newPrevout(c *coins.Coin, net *chaincfg.Params) *Prevout {
	return &Prevout{Generated: c.Coinbase, Height: c.Height, Value: Amount(c.Value), Script: NewScript(c.Script, net)}
}
