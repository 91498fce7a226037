package rpc

import (
	"context"
	"encoding/hex"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/descriptor"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
)

func (n addresses) multisigCommand() rpc.Command {
	return rpc.Command{
		Name: "createmultisig", Returns: multisigInfo{}, Category: "Util", Run: n.createMultisig,
		Summary: "Creates a multi-signature address with n signatures of m keys required.\nIt returns a json object with the address and redeemScript.",
		Params: []rpc.Param{
			{Name: "nrequired", Type: rpc.Number, Help: "The number of required signatures out of the m keys."},
			{Name: "keys", Type: rpc.Array, Inner: hexes("key", "A hex-encoded public key"), Help: "The hex-encoded public keys."},
			{Name: "address_type", Type: rpc.String, Optional: true, Default: `"legacy"`, Help: `The address type to use. Options are "legacy", "p2sh-segwit", and "bech32".`},
		},
		Result: `{"address": "str", "redeemScript": "hex", "descriptor": "str", "warnings": ["str", ...]}`,
	}
}

type multisigInfo struct {
	Address    string   `json:"address"`
	Redeem     string   `json:"redeemScript"`
	Descriptor string   `json:"descriptor"`
	Warnings   []string `json:"warnings,omitempty"`
}

// Types of addresses, as users name them.
const (
	legacyAddress  = "legacy"
	nestedAddress  = "p2sh-segwit"
	witnessAddress = "bech32"
	taprootAddress = "bech32m"
)

func (n addresses) createMultisig(_ context.Context, call *rpc.Call) (any, error) {
	required, err := call.Int(0, 0)
	if err != nil {
		return nil, err
	}
	keys, compressed, err := publicKeys(call, 1)
	if err != nil {
		return nil, err
	}
	kind, err := call.Text(2, legacyAddress)
	if err != nil {
		return nil, err
	}
	switch kind {
	case legacyAddress, nestedAddress, witnessAddress:
	case taprootAddress:
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "createmultisig cannot create bech32m multisig addresses")
	default:
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Unknown address type '%s'", kind)
	}
	if err := checkMultisig(required, len(keys)); err != nil {
		return nil, err
	}
	redeem := output.MakeMultisig(required, keys)
	made := kind
	if !compressed {
		made = legacyAddress
	}
	if made == legacyAddress && len(redeem) > txscript.MaxScriptElementSize {
		return nil, rpc.Errorf(rpc.InvalidParameter, "redeemScript exceeds size limit: %d > %d", len(redeem), txscript.MaxScriptElementSize)
	}
	info := n.multisigInfo(redeem, made)
	if made != kind {
		info.Warnings = []string{"Unable to make chosen address type, please ensure no uncompressed public keys are present."}
	}
	return info, nil
}

func (n addresses) multisigInfo(redeem []byte, kind string) multisigInfo {
	witness := output.PayToWitnessScriptHash(redeem)
	script := output.PayToScriptHash(redeem)
	switch kind {
	case witnessAddress:
		script = witness
	case nestedAddress:
		script = output.PayToScriptHash(witness)
	}
	return multisigInfo{
		Address: address.Of(script, n.Params.Params), Redeem: hex.EncodeToString(redeem),
		Descriptor: descriptor.Infer(script, n.Params.Params, redeem, witness),
	}
}

func checkMultisig(required, keys int) error {
	switch {
	case required < 1:
		return rpc.Errorf(rpc.InvalidParameter, "a multisignature address must require at least one key to redeem")
	case keys < required:
		return rpc.Errorf(rpc.InvalidParameter, "not enough keys supplied (got %d keys, but need at least %d to redeem)", keys, required)
	case keys > output.MaxKeys:
		return rpc.Errorf(rpc.InvalidParameter, "Number of keys involved in the multisignature address creation > %d\nReduce the number", output.MaxKeys)
	}
	return nil
}

// publicKeys reads a list of public keys in hex, and whether all are compressed.
func publicKeys(call *rpc.Call, at int) (keys [][]byte, compressed bool, err error) {
	texts, err := textList(call.Raw(at))
	if err != nil {
		return nil, false, err
	}
	compressed = true
	for _, text := range texts {
		key, err := hex.DecodeString(text)
		if err != nil || text == "" {
			return nil, false, rpc.Errorf(rpc.InvalidAddressOrKey, `Pubkey "%s" must be a hex string`, text)
		}
		if len(key) != btcec.PubKeyBytesLenCompressed && len(key) != uncompressedKeyBytes {
			return nil, false, rpc.Errorf(rpc.InvalidAddressOrKey, `Pubkey "%s" must have a length of either 33 or 65 bytes`, text)
		}
		if _, err := btcec.ParsePubKey(key); err != nil {
			return nil, false, rpc.Errorf(rpc.InvalidAddressOrKey, `Pubkey "%s" must be cryptographically valid.`, text)
		}
		compressed = compressed && len(key) == btcec.PubKeyBytesLenCompressed
		keys = append(keys, key)
	}
	return keys, compressed, nil
}

const uncompressedKeyBytes = 65
