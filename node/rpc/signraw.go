package rpc

import (
	"context"
	"encoding/hex"
	"encoding/json"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/rawtx"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
)

func (n txCommands) signCommands() rpc.Table {
	return rpc.Table{
		{
			Name: "combinerawtransaction", Returns: rpc.Hex, Category: "Rawtransactions", Run: n.combineRawTransaction,
			Summary: "Combine multiple partially signed transactions into one transaction.\nThe combined transaction may be another partially signed transaction or a\nfully signed transaction.",
			Params:  []rpc.Param{{Name: "txs", Type: rpc.Array, Inner: hexes("hexstring", "A hex-encoded raw transaction"), Help: "The hex strings of partially signed transactions"}},
			Result:  `"str"    (string) The hex-encoded raw transaction with signature(s)`,
		},
		{
			Name: "signrawtransactionwithkey", Returns: signedInfo{}, Category: "Rawtransactions", Run: n.signRawTransactionWithKey,
			Summary: "Sign inputs for raw transaction (serialized, hex-encoded).\n" +
				"The second argument is an array of base58-encoded private\nkeys that will be the only keys used to sign the transaction.\n" +
				"The third optional argument (may be null) is an array of previous transaction outputs that\nthis transaction depends on but may not yet be in the block chain.",
			Params: []rpc.Param{
				{Name: "hexstring", Type: rpc.String, Help: "The transaction hex string"},
				{Name: "privkeys", Type: rpc.Array, Inner: []rpc.Param{{Name: "privatekey", Type: rpc.String, Help: "private key in base58-encoding"}}, Help: "The base58-encoded private keys for signing"},
				{Name: "prevtxs", Type: rpc.Array, Optional: true, Inner: []rpc.Param{{Type: rpc.Object, Inner: previousParams()}}, Help: "The previous dependent transaction outputs"},
				hashTypeParam("The signature hash type"),
			},
			Result: `{"hex": "hex", "complete": true|false, "errors": [{"txid": "hex", "vout": n, "witness": ["hex", ...], "scriptSig": "hex", "sequence": n, "error": "str"}, ...]}`,
		},
	}
}

func hashTypeParam(help string) rpc.Param {
	return rpc.Param{
		Name: "sighashtype", Type: rpc.String, Optional: true, Default: "DEFAULT for Taproot, ALL otherwise",
		Help: help + `. Must be one of "DEFAULT", "ALL", "NONE", "SINGLE", "ALL|ANYONECANPAY", "NONE|ANYONECANPAY", "SINGLE|ANYONECANPAY"`,
	}
}

// hashTypeOf reads a signature's hash type; given tells whether there is one.
func hashTypeOf(call *rpc.Call, i int) (kind txscript.SigHashType, given bool, err error) {
	text, err := call.Text(i, "")
	if err != nil || !call.Has(i) {
		return txscript.SigHashDefault, false, err
	}
	for kind, name := range hashTypeNames() {
		if name == text {
			return txscript.SigHashType(kind), true, nil
		}
	}
	return 0, false, rpc.Errorf(rpc.InvalidParameter, "'%s' is not a valid sighash parameter.", text)
}

// hashTypeNames are what users call the hash types of signatures.
func hashTypeNames() map[byte]string {
	return map[byte]string{
		0: "DEFAULT", 1: "ALL", 2: "NONE", 3: "SINGLE",
		0x81: "ALL|ANYONECANPAY", 0x82: "NONE|ANYONECANPAY", 0x83: "SINGLE|ANYONECANPAY",
	}
}

// hashTypeName returns "" for one without a meaning.
func hashTypeName(kind byte) string { return hashTypeNames()[kind] }

func (n txCommands) combineRawTransaction(ctx context.Context, call *rpc.Call) (any, error) {
	texts, err := textList(call.Raw(0))
	if err != nil {
		return nil, err
	}
	if len(texts) < 2 {
		return nil, rpc.Errorf(rpc.DeserializationErr, "Missing transactions. At least two transactions required.")
	}
	variants := make([]*wire.MsgTx, len(texts))
	for i, text := range texts {
		var ok bool
		if variants[i], ok = decodeInputs(text); !ok {
			return nil, rpc.Errorf(rpc.DeserializationErr, "TX decode failed for tx %d. Make sure the tx has at least one input.", i)
		}
	}
	merged := variants[0]
	first := unsigned(merged).TxHash()
	for i, tx := range variants {
		if unsigned(tx).TxHash() != first {
			return nil, rpc.Errorf(rpc.InvalidParameter, "Transaction number %d not compatible with first transaction", i+1)
		}
	}
	spent, err := n.outputsOf(ctx, merged)
	if err != nil {
		return nil, err
	}
	spending := sign.NewSpending(merged, spent, checkScript)
	for i, in := range merged.TxIn {
		if spent[i] == nil {
			return nil, rpc.Errorf(rpc.VerifyError, "Input not found or already spent")
		}
		attempts := make([]*wire.TxIn, len(variants))
		for j, tx := range variants {
			attempts[j] = tx.TxIn[i]
		}
		in.SignatureScript, in.Witness = spending.Combine(i, attempts)
	}
	return hex.EncodeToString(rawtx.Encode(merged)), nil
}

// unsigned returns a transaction without its scripts and witnesses.
func unsigned(tx *wire.MsgTx) *wire.MsgTx {
	bare := *tx
	bare.TxIn = make([]*wire.TxIn, len(tx.TxIn))
	for i, in := range tx.TxIn {
		bare.TxIn[i] = &wire.TxIn{PreviousOutPoint: in.PreviousOutPoint, Sequence: in.Sequence}
	}
	return &bare
}

type signedInfo struct {
	Hex      string      `json:"hex"`
	Complete bool        `json:"complete"`
	Errors   []signFault `json:"errors,omitempty"`
}

type signFault struct {
	TxID      string   `json:"txid"`
	Vout      uint32   `json:"vout"`
	Witness   []string `json:"witness"`
	ScriptSig string   `json:"scriptSig"`
	Sequence  uint32   `json:"sequence"`
	Error     string   `json:"error"`
}

func (n txCommands) signRawTransactionWithKey(ctx context.Context, call *rpc.Call) (any, error) {
	text, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	tx, ok := decodeInputs(text)
	if !ok {
		return nil, rpc.Errorf(rpc.DeserializationErr, "TX decode failed. Make sure the tx has at least one input.")
	}
	var known sign.Provider
	defer known.Zero()
	if err := n.addSecrets(&known, call.Raw(1)); err != nil {
		return nil, err
	}
	found, err := n.outputsOf(ctx, tx)
	if err != nil {
		return nil, err
	}
	spent := map[wire.OutPoint]*wire.TxOut{}
	for i, in := range tx.TxIn {
		spent[in.PreviousOutPoint] = found[i]
	}
	if err := addPrevious(&known, spent, call.Raw(2)); err != nil {
		return nil, err
	}
	for i, in := range tx.TxIn {
		found[i] = spent[in.PreviousOutPoint]
	}
	kind, _, err := hashTypeOf(call, 3)
	if err != nil {
		return nil, err
	}
	return signedTx(tx, found, sign.NewSpending(tx, found, checkScript).Sign(&known, kind))
}

// addSecrets adds private keys, given in a list of WIF.
func (n *Node) addSecrets(known *sign.Provider, raw json.RawMessage) error {
	texts, err := textList(raw)
	if err != nil {
		return err
	}
	for _, text := range texts {
		key, err := n.privateKey(text)
		if err != nil {
			return err
		}
		known.AddSecret(sign.Secret{Key: key.PrivKey, Compressed: key.CompressPubKey})
	}
	return nil
}

func signedTx(tx *wire.MsgTx, spent []*wire.TxOut, faults map[int]string) (any, error) {
	result := signedInfo{Complete: len(faults) == 0}
	for i, in := range tx.TxIn {
		text, faulty := faults[i]
		if !faulty {
			continue
		}
		if text == sign.MissingAmount {
			return nil, rpc.Errorf(rpc.TypeError, "Missing amount for CTxOut(nValue=%s, scriptPubKey=%.30s)", rpc.Amount(spent[i].Value), hex.EncodeToString(spent[i].PkScript))
		}
		fault := signFault{
			TxID: in.PreviousOutPoint.Hash.String(), Vout: in.PreviousOutPoint.Index, Witness: []string{},
			ScriptSig: hex.EncodeToString(in.SignatureScript), Sequence: in.Sequence, Error: text,
		}
		for _, element := range in.Witness {
			fault.Witness = append(fault.Witness, hex.EncodeToString(element))
		}
		result.Errors = append(result.Errors, fault)
	}
	result.Hex = hex.EncodeToString(rawtx.Encode(tx))
	return result, nil
}
