package rpc

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"math"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/rawtx"
)

// Versions that a new transaction may have.
const (
	minTxVersion, maxTxVersion, defaultTxVersion = 1, 3, 2
)

func (n txCommands) createCommand() rpc.Command {
	return rpc.Command{
		Name: "createrawtransaction", Examples: []string{`[[{"txid": "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b", "vout": 0}], [{"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa": 0.01}]]`, `[[{"txid": "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b", "vout": 0}], [{"data": "00010203"}]]`}, Returns: rpc.Hex, Category: "Rawtransactions", Run: n.createRawTransaction,
		Result: `"hex"    (string) hex string of the transaction`,
		Summary: "Create a transaction spending the given inputs and creating new outputs.\nOutputs can be addresses or data.\n" +
			"Returns hex-encoded raw transaction.\nThe transaction's inputs are not signed, and it is not stored in a wallet or transmitted to the network.",
		Params: newTxParams(),
	}
}

// newTxParams are the parameters that describe a new transaction.
func newTxParams() []rpc.Param {
	return []rpc.Param{
		{Name: "inputs", Type: rpc.Array, Help: "The inputs", Inner: []rpc.Param{{Type: rpc.Object, Inner: append(outpointParams(), rpc.Param{
			Name: "sequence", Type: rpc.Number, Optional: true, Default: "depends on the value of the 'replaceable' and 'locktime' arguments", Help: "The sequence number",
		})}}},
		{Name: "outputs", Form: rpc.Pairs, Inner: outputForms, Help: "The outputs as key-value pairs: an address and an amount in BTC, or \"data\" and hex-encoded data"},
		{Name: "locktime", Type: rpc.Number, Optional: true, Default: "0", Help: "Raw locktime. Non-0 value also locktime-activates inputs"},
		{Name: "replaceable", Type: rpc.Bool, Optional: true, Default: "true", Help: "Marks this transaction as BIP125-replaceable"},
		{Name: "version", Type: rpc.Number, Optional: true, Default: "2", Help: "Transaction version"},
	}
}

func (n txCommands) createRawTransaction(_ context.Context, call *rpc.Call) (any, error) {
	tx, err := n.newTx(call)
	if err != nil {
		return nil, err
	}
	// Without inputs the usual form could be mistaken for one with witnesses.
	return hex.EncodeToString(rawtx.AppendLegacy(nil, tx)), nil
}

// newTx makes the transaction that newTxParams describe.
func (n txCommands) newTx(call *rpc.Call) (*wire.MsgTx, error) {
	lock, err := call.Int64(2, 0)
	if err != nil {
		return nil, err
	}
	if lock < 0 || lock > math.MaxUint32 {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid parameter, locktime out of range")
	}
	replaceable, err := call.Bool(3, true)
	if err != nil {
		return nil, err
	}
	version, err := call.Int64(4, defaultTxVersion)
	if err != nil {
		return nil, err
	}
	if version < 0 || version > math.MaxUint32 {
		return nil, rpc.Errorf(rpc.MiscError, "JSON integer out of range")
	}
	if version < minTxVersion || version > maxTxVersion {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid parameter, version out of range(%d~%d)", minTxVersion, maxTxVersion)
	}
	tx := &wire.MsgTx{Version: int32(version), LockTime: uint32(lock)}
	if err := addInputs(tx, call, replaceable); err != nil {
		return nil, err
	}
	if err := n.addOutputs(tx, call); err != nil {
		return nil, err
	}
	if call.Has(3) && replaceable && len(tx.TxIn) > 0 && !signalsReplacement(tx) {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid parameter combination: Sequence number(s) contradict replaceable option")
	}
	return tx, nil
}

// signalsReplacement is BIP125's opt-in.
func signalsReplacement(tx *wire.MsgTx) bool {
	for _, in := range tx.TxIn {
		if in.Sequence <= wire.MaxTxInSequenceNum-2 {
			return true
		}
	}
	return false
}

func addInputs(tx *wire.MsgTx, call *rpc.Call, replaceable bool) error {
	var inputs []json.RawMessage
	if err := call.Decode(0, &inputs); err != nil {
		return err
	}
	sequence := uint32(wire.MaxTxInSequenceNum)
	switch {
	case replaceable:
		sequence -= 2
	case tx.LockTime != 0:
		sequence--
	}
	for _, raw := range inputs {
		in, err := parseInput(raw, sequence)
		if err != nil {
			return err
		}
		tx.TxIn = append(tx.TxIn, in)
	}
	return nil
}

func parseInput(raw json.RawMessage, sequence uint32) (*wire.TxIn, error) {
	var input map[string]json.RawMessage
	if err := rpc.Expect(raw, rpc.Object); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &input); err != nil {
		return nil, rpc.Errorf(rpc.ParseError, "Parse error")
	}
	var text string
	if err := rpc.Expect(input["txid"], rpc.String); err != nil {
		return nil, err
	} else if err := json.Unmarshal(input["txid"], &text); err != nil {
		return nil, rpc.Errorf(rpc.ParseError, "Parse error")
	}
	txid, err := rpc.ParseHash(text, "txid")
	if err != nil {
		return nil, err
	}
	var vout int32
	if rpc.Expect(input["vout"], rpc.Number) != nil {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid parameter, missing vout key")
	}
	if json.Unmarshal(input["vout"], &vout) != nil {
		return nil, rpc.Errorf(rpc.MiscError, "JSON integer out of range")
	}
	if vout < 0 {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid parameter, vout cannot be negative")
	}
	if given := input["sequence"]; rpc.Expect(given, rpc.Number) == nil {
		var number int64
		if json.Unmarshal(given, &number) != nil || number < 0 || number > math.MaxUint32 {
			return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid parameter, sequence number is out of range")
		}
		sequence = uint32(number)
	}
	return &wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: txid, Index: uint32(vout)}, Sequence: sequence}, nil
}

// pair is a member of a JSON object, of which order and repetition matter.
type pair struct {
	key   string
	value json.RawMessage
}

// pairs reads a JSON object.
func pairs(raw json.RawMessage) (all []pair, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return nil, rpc.Errorf(rpc.ParseError, "Parse error")
	}
	for d.More() {
		key, err := d.Token()
		var p pair
		if err == nil {
			p.key, _ = key.(string)
			err = d.Decode(&p.value)
		}
		if err != nil {
			return nil, rpc.Errorf(rpc.ParseError, "Parse error")
		}
		all = append(all, p)
	}
	return all, nil
}

// outputPairs reads outputs, an object or a list of objects of one member.
func outputPairs(raw json.RawMessage) (all []pair, err error) {
	if raw == nil {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid parameter, output argument must be non-null")
	}
	if rpc.Expect(raw, rpc.Object) == nil {
		return pairs(raw)
	}
	if err := rpc.Expect(raw, rpc.Array); err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, rpc.Errorf(rpc.ParseError, "Parse error")
	}
	for _, item := range list {
		if rpc.Expect(item, rpc.Object) != nil {
			return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid parameter, key-value pair not an object as expected")
		}
		one, err := pairs(item)
		if err != nil {
			return nil, err
		}
		if len(one) != 1 {
			return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid parameter, key-value pair must contain exactly one key")
		}
		all = append(all, one...)
	}
	return all, nil
}

func (n txCommands) addOutputs(tx *wire.MsgTx, call *rpc.Call) error {
	outputs, err := outputPairs(call.Raw(1))
	if err != nil {
		return err
	}
	seen := map[string]struct{}{}
	for _, p := range outputs {
		out, err := n.parseOutput(p)
		if err != nil {
			return err
		}
		id := string(out.PkScript)
		if p.key == "data" {
			id = "data"
		}
		if _, twice := seen[id]; twice && p.key == "data" {
			return rpc.Errorf(rpc.InvalidParameter, "Invalid parameter, duplicate key: data")
		} else if twice {
			return rpc.Errorf(rpc.InvalidParameter, "Invalid parameter, duplicated address: %s", p.key)
		}
		seen[id] = struct{}{}
		tx.TxOut = append(tx.TxOut, out)
	}
	return nil
}

func (n txCommands) parseOutput(p pair) (*wire.TxOut, error) {
	if p.key == "data" {
		var text string
		raw, err := []byte(nil), json.Unmarshal(p.value, &text)
		if err == nil {
			raw, err = hex.DecodeString(text)
		}
		if err != nil {
			return nil, rpc.Errorf(rpc.InvalidParameter, "Data must be hexadecimal string (not '%s')", text)
		}
		script, err := txscript.NewScriptBuilder().AddOp(txscript.OP_RETURN).AddFullData(raw).Script()
		if err != nil {
			return nil, rpc.Errorf(rpc.InvalidParameter, "Data: %v", err)
		}
		return wire.NewTxOut(0, script), nil
	}
	amount, err := rpc.ParseAmount(p.value)
	if err != nil {
		return nil, err
	}
	script, err := address.Script(p.key, n.Params.Params)
	if err != nil {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Invalid Bitcoin address: %s", p.key)
	}
	return wire.NewTxOut(int64(amount), script), nil
}
