package rpc

import (
	"context"
	"encoding/hex"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/amount"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/psbt"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/rawtx"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/render"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

func (n txCommands) psbtInfoCommands() rpc.Table {
	return rpc.Table{
		{
			Name: "decodepsbt", Returns: shownPSBT{}, Category: "Rawtransactions", Run: n.decodePSBT,
			Summary: "Return a JSON object representing the serialized, base64-encoded partially signed Bitcoin transaction.",
			Params:  []rpc.Param{{Name: "psbt", Type: rpc.String, Word: rpc.Free, Help: "The PSBT base64 string"}},
			Result: `{"tx": {...}, "global_xpubs": [{"xpub": "str", "master_fingerprint": "hex", "path": "str"}, ...], "tx_version": n, "fallback_locktime": n, ` +
				`"input_count": n, "output_count": n, "inputs_modifiable": true|false, "outputs_modifiable": true|false, "has_sighash_single": true|false, "psbt_version": n, ` +
				`"proprietary": [{"identifier": "hex", "subtype": n, "key": "hex", "value": "hex"}, ...], "unknown": {"key": "hex", ...}, "inputs": [...], "outputs": [...], "fee": n}` +
				"\ntx is that of version 0; what follows global_xpubs up to has_sighash_single is of version 2. fee is there if all UTXOs are.",
		},
		{
			Name: "analyzepsbt", Returns: analyzed{}, Category: "Rawtransactions", Run: n.analyzePSBT,
			Summary: "Analyzes and provides information about the current status of a PSBT and its inputs", Params: []rpc.Param{psbtParam},
			Result: `{"inputs": [{"has_utxo": true|false, "is_final": true|false, "next": "str", "missing": {"pubkeys": ["hex", ...], "redeemscript": "hex", "witnessscript": "hex", "signatures": ["hex", ...]}}, ...], ` +
				`"estimated_vsize": n, "estimated_feerate": n, "fee": n, "next": "str", "error": "str"}`,
		},
	}
}

func (n txCommands) decodePSBT(_ context.Context, call *rpc.Call) (any, error) {
	p, err := psbtArgument(call)
	if err != nil {
		return nil, err
	}
	shown := newShownPSBT(p, n.Params.Params)
	if p.Version < 2 {
		tx, err := p.Unsigned()
		if err != nil {
			return nil, err
		}
		decoded := render.NewTx(shownMsg(tx), n.Params.Params, false, nil, false)
		shown.Tx = &decoded
	}
	return shown, nil
}

// psbtFee returns what is spent less what is created, nil if that is not known or is no
// amount of money.
func psbtFee(p *psbt.Packet) *rpc.Amount {
	spent, paid := int64(0), int64(0)
	for _, in := range p.Inputs {
		out := in.UTXO()
		if out == nil || !money(out.Value) || !money(spent+out.Value) {
			return nil
		}
		spent += out.Value
	}
	for _, out := range p.Outputs {
		if !money(out.Amount) || !money(paid+out.Amount) {
			return nil
		}
		paid += out.Amount
	}
	fee := rpc.Amount(spent - paid)
	return &fee
}

func money(value int64) bool { return value >= 0 && rpc.Amount(value) <= amount.Max }

type analyzed struct {
	Inputs  []analyzedInput `json:"inputs,omitempty"`
	VSize   int64           `json:"estimated_vsize,omitempty"`
	FeeRate *rpc.Amount     `json:"estimated_feerate,omitempty"`
	Fee     *rpc.Amount     `json:"fee,omitempty"`
	Next    string          `json:"next"`
	Error   string          `json:"error,omitempty"`
}

type analyzedInput struct {
	HasUTXO bool         `json:"has_utxo"`
	Final   bool         `json:"is_final"`
	Next    string       `json:"next"`
	Missing *missingInfo `json:"missing,omitempty"`
}

type missingInfo struct {
	Keys          []string `json:"pubkeys,omitempty"`
	RedeemScript  string   `json:"redeemscript,omitempty"`
	WitnessScript string   `json:"witnessscript,omitempty"`
	Signatures    []string `json:"signatures,omitempty"`
}

func (n txCommands) analyzePSBT(_ context.Context, call *rpc.Call) (any, error) {
	p, err := psbtArgument(call)
	if err != nil {
		return nil, err
	}
	a, err := p.Analyze(checkScript)
	if err != nil {
		return analyzed{Next: psbt.Creator.String(), Error: err.Error()}, nil
	}
	result := analyzed{Fee: a.Fee, Next: a.Next.String()}
	for _, in := range a.Inputs {
		result.Inputs = append(result.Inputs, analyzedInput{in.HasUTXO, in.Final, in.Next.String(), newMissingInfo(in.Missing)})
	}
	if a.Measured != nil {
		result.VSize = n.policySize(a.Measured, a.Spent)
		rate := rpc.Amount(floorDiv(int64(*a.Fee)*1000, result.VSize))
		result.FeeRate = &rate
	}
	return result, nil
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func newMissingInfo(m sign.Missing) *missingInfo {
	info := missingInfo{}
	for _, id := range m.Keys {
		info.Keys = append(info.Keys, hex.EncodeToString(id[:]))
	}
	if m.RedeemScript != nil {
		info.RedeemScript = hex.EncodeToString(m.RedeemScript[:])
	}
	if m.WitnessScript != nil {
		info.WitnessScript = hex.EncodeToString(m.WitnessScript[:])
	}
	for _, id := range m.Signatures {
		info.Signatures = append(info.Signatures, hex.EncodeToString(id[:]))
	}
	if len(info.Keys) == 0 && len(info.Signatures) == 0 && info.RedeemScript == "" && info.WitnessScript == "" {
		return nil
	}
	return &info
}

// policySize is the virtual size that a transaction has to pay for, which many signature
// checks enlarge.
func (n *Node) policySize(msg *wire.MsgTx, outs []wire.TxOut) int64 {
	raw := rawtx.Encode(msg)
	tx, err := consensus.ParseTx(raw)
	if err != nil {
		return int64(len(raw)) // it has no inputs, and so nothing that is checked
	}
	spent := make([]coins.Coin, len(outs))
	for i, out := range outs {
		spent[i] = coins.Coin{Value: out.Value, Script: out.PkScript, Height: 1}
	}
	checks := consensus.SigOpsCost(tx, spent, mempool.StandardFlags) * n.Policy.BytesPerSigOp
	return (max(int64(tx.Weight()), int64(checks)) + consensus.WitnessScale - 1) / consensus.WitnessScale
}
