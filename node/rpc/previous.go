package rpc

import (
	"bytes"
	"encoding/hex"
	"encoding/json"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/amount"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/render"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
)

// addPrevious adds outputs that users describe to those that a transaction spends, and
// their scripts to what is known. An output without an amount gets the largest.
func addPrevious(known *sign.Provider, spent map[wire.OutPoint]*wire.TxOut, raw json.RawMessage) error {
	if raw == nil {
		return nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return rpc.Errorf(rpc.ParseError, "Parse error")
	}
	for _, item := range list {
		if rpc.Expect(item, rpc.Object) != nil {
			return rpc.Errorf(rpc.DeserializationErr, `expected object with {"txid'","vout","scriptPubKey"}`)
		}
		members, err := rpc.Members(item, rpc.Member{Name: "scriptPubKey", Type: rpc.String},
			rpc.Member{Name: "txid", Type: rpc.String}, rpc.Member{Name: "vout", Type: rpc.Number})
		if err != nil {
			return err
		}
		op, out, err := previousOutput(members)
		if err != nil {
			return err
		}
		if seen := spent[op]; seen != nil && !bytes.Equal(seen.PkScript, out.PkScript) {
			return rpc.Errorf(rpc.DeserializationErr, "Previous output scriptPubKey mismatch:\n%s\nvs:\n%s",
				render.Asm(seen.PkScript, false), render.Asm(out.PkScript, false))
		}
		spent[op] = out
		if err := addRedeem(known, item, out.PkScript); err != nil {
			return err
		}
	}
	return nil
}

func previousOutput(members map[string]json.RawMessage) (op wire.OutPoint, out *wire.TxOut, err error) {
	if op.Hash, err = rpc.ParseHash(textOf(members["txid"]), "txid"); err != nil {
		return op, nil, err
	}
	var index int32
	if json.Unmarshal(members["vout"], &index) != nil {
		return op, nil, rpc.Errorf(rpc.MiscError, "JSON integer out of range")
	}
	if index < 0 {
		return op, nil, rpc.Errorf(rpc.DeserializationErr, "vout cannot be negative")
	}
	op.Index = uint32(index)
	script, err := hexMember(members, "scriptPubKey")
	if err != nil {
		return op, nil, err
	}
	out = wire.NewTxOut(int64(amount.Max), script)
	if given, there := members["amount"]; there {
		value, err := rpc.ParseAmount(given)
		if err != nil {
			return op, nil, err
		}
		out.Value = int64(value)
	}
	return op, out, nil
}

// textOf returns a string, of which the type has been checked; "" for a null.
func textOf(raw json.RawMessage) (text string) {
	// It has parsed before.
	_ = json.Unmarshal(raw, &text)
	return text
}

func hexMember(members map[string]json.RawMessage, name string) ([]byte, error) {
	text := textOf(members[name])
	raw, err := hex.DecodeString(text)
	if err != nil || text == "" {
		return nil, rpc.Errorf(rpc.InvalidParameter, "%s must be hexadecimal string (not '%s')", name, text)
	}
	return raw, nil
}

// addRedeem adds the script that an output pays to by its hash. One that is called
// redeem script may be the witness script behind it: that is how it was given once.
func addRedeem(known *sign.Provider, item json.RawMessage, script []byte) error {
	kind := output.TypeOf(script)
	if kind != output.ScriptHash && kind != output.WitnessScriptHash {
		return nil
	}
	members, err := rpc.Members(item, rpc.Member{Name: "redeemScript", Type: rpc.String, Optional: true},
		rpc.Member{Name: "witnessScript", Type: rpc.String, Optional: true})
	if err != nil {
		return err
	}
	redeem, witness := rpc.Expect(members["redeemScript"], rpc.String) == nil, rpc.Expect(members["witnessScript"], rpc.String) == nil
	name := "redeemScript"
	switch {
	case !redeem && !witness:
		return rpc.Errorf(rpc.InvalidParameter, "Missing redeemScript/witnessScript")
	case witness:
		name = "witnessScript"
	}
	inner, err := hexMember(members, name)
	if err != nil {
		return err
	}
	program := output.PayToWitnessScriptHash(inner)
	known.AddScript(inner)
	known.AddScript(program)
	if redeem && witness && textOf(members["redeemScript"]) != textOf(members["witnessScript"]) {
		outer, err := hexMember(members, "redeemScript")
		if err != nil {
			return err
		}
		if !bytes.Equal(outer, program) {
			return rpc.Errorf(rpc.InvalidParameter, "redeemScript does not correspond to witnessScript")
		}
	}
	if !paysTo(script, inner, program) {
		return rpc.Errorf(rpc.InvalidParameter, "redeemScript/witnessScript does not match scriptPubKey")
	}
	return nil
}

// paysTo reports whether an output pays to a script, or to the program of that.
func paysTo(script, inner, program []byte) bool {
	if output.TypeOf(script) == output.WitnessScriptHash {
		return bytes.Equal(script, program)
	}
	return bytes.Equal(script, output.PayToScriptHash(inner)) || bytes.Equal(script, output.PayToScriptHash(program))
}
