package rpc

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/psbt"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/rawtx"
)

var (
	psbtParam        = rpc.Param{Name: "psbt", Type: rpc.String, Word: rpc.Free, Help: "A base64 string of a PSBT"}
	psbtVersionParam = rpc.Param{Name: "psbt_version", Type: rpc.Number, Optional: true, Default: "2", Help: "The PSBT version number to use."}
	psbtsParam       = rpc.Param{Name: "txs", Type: rpc.Array, Inner: []rpc.Param{{Name: "psbt", Type: rpc.String, Help: "A base64 string of a PSBT"}}, Help: "The base64 strings of partially signed transactions"}
)

const psbtResult = `"str"    (string) The base64-encoded partially signed transaction`

func (n txCommands) psbtCommands() rpc.Table {
	return rpc.Table{
		{
			Name: "createpsbt", Returns: "", Category: "Rawtransactions", Run: n.createPSBT, Result: psbtResult,
			Summary: "Creates a transaction in the Partially Signed Transaction format.\nImplements the Creator role.\n" +
				"Note that the transaction's inputs are not signed, and\nit is not stored in the wallet or transmitted to the network.",
			Params: append(newTxParams(), psbtVersionParam),
		},
		{
			Name: "converttopsbt", Returns: "", Category: "Rawtransactions", Run: n.convertToPSBT, Result: psbtResult,
			Summary: "Converts a network serialized transaction to a PSBT. This should be used only with createrawtransaction and fundrawtransaction.\n" +
				"createpsbt and walletcreatefundedpsbt should be used for new applications.",
			Params: []rpc.Param{
				{Name: "hexstring", Type: rpc.String, Form: rpc.Hex, Help: "The hex string of a raw transaction"},
				{Name: "permitsigdata", Type: rpc.Bool, Optional: true, Default: "false", Help: "If true, any signatures in the input will be discarded and conversion will continue. If false, RPC will fail if any signatures are present."},
				witnessParam, psbtVersionParam,
			},
		},
		{
			Name: "combinepsbt", Returns: "", Category: "Rawtransactions", Run: n.combinePSBT, Result: psbtResult,
			Summary: "Combine multiple partially signed Bitcoin transactions into one transaction.\nImplements the Combiner role.",
			Params:  []rpc.Param{psbtsParam},
		},
		{
			Name: "joinpsbts", Returns: "", Category: "Rawtransactions", Run: n.joinPSBTs, Result: psbtResult,
			Summary: "Joins multiple distinct version 0 PSBTs with different inputs and outputs into one version 0 PSBT with inputs and outputs from all of the PSBTs.\n" +
				"No input in any of the PSBTs can be in more than one of the PSBTs.",
			Params: []rpc.Param{psbtsParam},
		},
		{
			Name: "finalizepsbt", Returns: finalized{}, Category: "Rawtransactions", Run: n.finalizePSBT,
			Summary: "Finalize the inputs of a PSBT. If the transaction is fully signed, it will produce a\n" +
				"network serialized transaction which can be broadcast with sendrawtransaction. Otherwise a PSBT will be\n" +
				"created which has the final_scriptSig and final_scriptwitness fields filled for inputs that are complete.\nImplements the Finalizer and Extractor roles.",
			Params: []rpc.Param{
				psbtParam,
				{Name: "extract", Type: rpc.Bool, Optional: true, Default: "true", Help: "If true and the transaction is complete, extract and return the complete transaction in normal network serialization instead of the PSBT."},
			},
			Result: `{"psbt": "str", "hex": "hex", "complete": true|false}` + "\nEither psbt, or hex if the transaction was extracted.",
		},
	}
}

// parsePSBT parses a packet in base64.
func parsePSBT(text string) (*psbt.Packet, error) {
	raw, ok := rpc.DecodeBase64(text)
	if !ok {
		return nil, rpc.Errorf(rpc.DeserializationErr, "TX decode failed invalid base64")
	}
	p, err := psbt.Parse(raw)
	switch {
	case errors.Is(err, psbt.ErrExtra):
		return nil, rpc.Errorf(rpc.DeserializationErr, "TX decode failed %v", err)
	case err != nil:
		// What the reference's standard library adds to errors of streams, users see.
		return nil, rpc.Errorf(rpc.DeserializationErr, "TX decode failed %v: iostream error", err)
	}
	return p, nil
}

// psbtArgument parses argument 0.
func psbtArgument(call *rpc.Call) (*psbt.Packet, error) {
	text, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	return parsePSBT(text)
}

func showPSBT(p *psbt.Packet) string { return base64.StdEncoding.EncodeToString(p.Serialize()) }

// psbtVersion reads the version of a new packet.
func psbtVersion(call *rpc.Call, i int) (uint32, error) {
	version, err := call.Int64(i, 2)
	switch {
	case err != nil:
		return 0, err
	case version < 0 || version > math.MaxUint32:
		return 0, rpc.Errorf(rpc.MiscError, "JSON integer out of range")
	case version != 0 && version != 2:
		return 0, rpc.Errorf(rpc.InvalidParameter, "The PSBT version can only be 2 or 0")
	}
	return uint32(version), nil
}

func (n txCommands) createPSBT(_ context.Context, call *rpc.Call) (any, error) {
	tx, err := n.newTx(call)
	if err != nil {
		return nil, err
	}
	version, err := psbtVersion(call, 5)
	if err != nil {
		return nil, err
	}
	return showPSBT(psbt.New(tx, version)), nil
}

func (n txCommands) convertToPSBT(_ context.Context, call *rpc.Call) (any, error) {
	permit, err := call.Bool(1, false)
	if err != nil {
		return nil, err
	}
	text, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	tx, err := decodeEither(text, call, 2)
	if err != nil {
		return nil, err
	}
	for _, in := range tx.TxIn {
		if !permit && (len(in.SignatureScript) > 0 || len(in.Witness) > 0) {
			return nil, rpc.Errorf(rpc.DeserializationErr, "Inputs must not have scriptSigs and scriptWitnesses")
		}
	}
	version, err := psbtVersion(call, 3)
	if err != nil {
		return nil, err
	}
	return showPSBT(psbt.New(tx, version)), nil
}

// psbtList parses packets.
func psbtList(items []json.RawMessage) (list []*psbt.Packet, err error) {
	for _, item := range items {
		if err := rpc.Expect(item, rpc.String); err != nil {
			return nil, err
		}
		p, err := parsePSBT(textOf(item))
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

func (n txCommands) combinePSBT(_ context.Context, call *rpc.Call) (any, error) {
	var items []json.RawMessage
	if err := call.Decode(0, &items); err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Parameter 'txs' cannot be empty")
	}
	list, err := psbtList(items)
	if err != nil {
		return nil, err
	}
	for _, p := range list[1:] {
		if !list[0].Merge(p) {
			return nil, rpc.Errorf(rpc.InvalidParameter, "PSBTs not compatible (different transactions)")
		}
	}
	return showPSBT(list[0]), nil
}

func (n txCommands) joinPSBTs(_ context.Context, call *rpc.Call) (any, error) {
	var items []json.RawMessage
	if err := call.Decode(0, &items); err != nil {
		return nil, err
	}
	if len(items) < 2 {
		return nil, rpc.Errorf(rpc.InvalidParameter, "At least two PSBTs are required to join PSBTs.")
	}
	list, err := psbtList(items)
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		if p.Version != 0 {
			return nil, rpc.Errorf(rpc.InvalidParameter, "joinpsbts only operates on version 0 PSBTs")
		}
	}
	// Nobody shall see by the order which inputs and outputs came together.
	joined, twice := psbt.Join(list, rand.Shuffle)
	if twice != nil {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Input %s:%d exists in multiple PSBTs", twice.PrevOut.Hash, twice.PrevOut.Index)
	}
	return showPSBT(joined), nil
}

type finalized struct {
	Hex      string `json:"hex,omitempty"`
	PSBT     string `json:"psbt,omitempty"`
	Complete bool   `json:"complete"`
}

func (n txCommands) finalizePSBT(_ context.Context, call *rpc.Call) (any, error) {
	p, err := psbtArgument(call)
	if err != nil {
		return nil, err
	}
	extract, err := call.Bool(1, true)
	if err != nil {
		return nil, err
	}
	complete := p.Finalize(checkScript)
	if !complete || !extract {
		return finalized{PSBT: showPSBT(p), Complete: complete}, nil
	}
	tx, err := p.Extract()
	if err != nil {
		return nil, err
	}
	return finalized{Hex: hex.EncodeToString(rawtx.Encode(tx)), Complete: true}, nil
}
