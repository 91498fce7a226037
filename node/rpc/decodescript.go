package rpc

import (
	"context"
	"encoding/hex"

	btcaddress "github.com/btcsuite/btcd/address/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/descriptor"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/render"
)

func (n txCommands) decodeScriptCommand() rpc.Command {
	return rpc.Command{
		Name: "decodescript", Returns: decodedScript{}, Category: "Rawtransactions", Run: n.decodeScript,
		Summary: "Decode a hex-encoded script.",
		Params:  []rpc.Param{{Name: "hexstring", Type: rpc.String, Form: rpc.Hex, Help: "the hex-encoded script"}},
		Result: `{"asm": "str", "desc": "str", "type": "str", "address": "str", "p2sh": "str", ` +
			`"segwit": {"asm": "str", "desc": "str", "hex": "hex", "address": "str", "type": "str", "p2sh-segwit": "str"}}` +
			"\nAddresses that the script does not have, and those of types that should not be wrapped, are left out.",
	}
}

type decodedScript struct {
	Asm     string         `json:"asm"`
	Desc    string         `json:"desc"`
	Address string         `json:"address,omitempty"`
	Type    output.Type    `json:"type"`
	P2SH    string         `json:"p2sh,omitempty"`
	Segwit  *wrappedScript `json:"segwit,omitempty"`
}

type wrappedScript struct {
	render.Script
	P2SH string `json:"p2sh-segwit"`
}

func (n txCommands) decodeScript(_ context.Context, call *rpc.Call) (any, error) {
	text, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	script, err := hex.DecodeString(text)
	if err != nil {
		return nil, rpc.Errorf(rpc.InvalidParameter, "argument must be hexadecimal string (not '%s')", text)
	}
	shown := render.NewScript(script, n.Params.Params)
	result := decodedScript{Asm: shown.Asm, Desc: shown.Desc, Address: shown.Address, Type: shown.Type}
	if output.Wrappable(script) {
		result.P2SH = n.payToScriptHash(script)
		if output.WitnessWrappable(script) {
			result.Segwit = n.wrapped(script)
		}
	}
	return result, nil
}

// payToScriptHash returns the P2SH address of a redeem script.
func (n *Node) payToScriptHash(script []byte) string {
	return address.Of(output.PayToScriptHash(script), n.Params.Params)
}

// wrapped shows what pays to a script by a witness: P2WPKH if a key is all that it
// asks for, else P2WSH.
func (n txCommands) wrapped(script []byte) *wrappedScript {
	program := output.PayToWitnessScriptHash(script)
	switch output.TypeOf(script) {
	case output.PubKey:
		program = output.PayToWitnessKeyHash(btcaddress.Hash160(script[1 : len(script)-1]))
	case output.PubKeyHash:
		program = output.PayToWitnessKeyHash(script[3:23])
	}
	shown := render.NewScript(program, n.Params.Params)
	shown.Desc = descriptor.Infer(program, n.Params.Params, script)
	return &wrappedScript{Script: shown, P2SH: n.payToScriptHash(program)}
}
