package render

import (
	"encoding/json"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

func shown(tx *wire.MsgTx) Transaction {
	return Transaction{MsgTx: tx, ID: tx.TxHash(), WitnessID: tx.WitnessHash(), Size: tx.SerializeSize(), Weight: 3*tx.SerializeSizeStripped() + tx.SerializeSize()}
}

func TestATransactionInJSON(t *testing.T) {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: chainhash.Hash{31: 1}, Index: 7}, Sequence: 9, Witness: wire.TxWitness{{1, 2}}})
	tx.AddTxOut(&wire.TxOut{Value: 150_000_000, PkScript: []byte{0x51}})
	spent := []Coin{{Value: 150_000_123, Script: []byte{0x52}, Height: 5, Coinbase: true}}
	text, err := json.Marshal(NewTx(shown(tx), &chaincfg.RegressionNetParams, true, spent, true))
	require.NoError(t, err)
	// The order of the members and the eight decimals of amounts count.
	require.Equal(t, `{"txid":"`+tx.TxHash().String()+`","hash":"`+tx.WitnessHash().String()+`","version":2,"size":67,"vsize":63,"weight":250,"locktime":0,`+
		`"vin":[{"txid":"0100000000000000000000000000000000000000000000000000000000000000","vout":7,"scriptSig":{"asm":"","hex":""},"txinwitness":["0102"],`+
		`"prevout":{"generated":true,"height":5,"value":1.50000123,"scriptPubKey":{"asm":"2","desc":"raw(52)#qu92mhx7","hex":"52","type":"nonstandard"}},"sequence":9}],`+
		`"vout":[{"value":1.50000000,"n":0,"scriptPubKey":{"asm":"1","desc":"raw(51)#8lvh9jxk","hex":"51","type":"nonstandard"}}],`+
		`"fee":0.00000123,"hex":"02000000000101`+`0000000000000000000000000000000000000000000000000000000000000001`+`070000000009000000`+
		`01`+`80d1f008000000000151`+`01020102`+`00000000"}`, string(text))
}

func TestACoinbaseInJSON(t *testing.T) {
	tx := wire.NewMsgTx(1)
	tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: wire.MaxPrevOutIndex}, SignatureScript: []byte{0x51, 0x00}, Sequence: 1})
	text, err := json.Marshal(NewTx(shown(tx), &chaincfg.RegressionNetParams, false, nil, true).Vin)
	require.NoError(t, err)
	require.Equal(t, `[{"coinbase":"5100","sequence":1}]`, string(text))
}
