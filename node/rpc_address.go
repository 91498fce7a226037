package node

import (
	"context"
	"encoding/hex"
	"strings"

	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/descriptor"
	"github.com/bulkheadnode/bulkhead/node/render"
)

func (n *node) addressCommands() rpc.Table {
	return rpc.Table{
		{
			Name: "validateaddress", Category: "Util", Run: n.validateAddress,
			Summary: "Return information about the given bitcoin address.",
			Params:  []rpc.Param{{Name: "address", Type: rpc.String, Help: "The bitcoin address to validate"}},
		},
		{
			Name: "getdescriptorinfo", Category: "Util", Run: n.getDescriptorInfo,
			Summary: "Analyses a descriptor.",
			Params:  []rpc.Param{{Name: "descriptor", Type: rpc.String, Help: "The descriptor."}},
		},
	}
}

type validAddress struct {
	IsValid        bool   `json:"isvalid"`
	Address        string `json:"address"`
	Script         string `json:"scriptPubKey"`
	IsScript       bool   `json:"isscript"`
	IsWitness      bool   `json:"iswitness"`
	WitnessVersion *int   `json:"witness_version,omitempty"`
	WitnessProgram string `json:"witness_program,omitempty"`
}

type invalidAddress struct {
	IsValid   bool   `json:"isvalid"`
	Locations []int  `json:"error_locations"`
	Error     string `json:"error"`
}

func (n *node) validateAddress(_ context.Context, call *rpc.Call) (any, error) {
	text, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	script, err := render.ScriptFor(text, n.params.Params)
	if err != nil {
		return invalidAddress{Locations: []int{}, Error: err.Error()}, nil
	}
	info := validAddress{
		IsValid: true, Address: render.Address(script, n.params.Params), Script: hex.EncodeToString(script),
		IsScript: txscript.IsPayToScriptHash(script),
	}
	if version, program, err := txscript.ExtractWitnessProgramInfo(script); err == nil {
		info.IsWitness, info.WitnessVersion, info.WitnessProgram = true, &version, hex.EncodeToString(program)
		info.IsScript = len(program) == 32
	}
	return info, nil
}

type descriptorInfo struct {
	Descriptor string `json:"descriptor"`
	Checksum   string `json:"checksum"`
	IsRange    bool   `json:"isrange"`
	IsSolvable bool   `json:"issolvable"`
	HasPrivate bool   `json:"hasprivatekeys"`
}

func (n *node) getDescriptorInfo(_ context.Context, call *rpc.Call) (any, error) {
	text, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	d, err := descriptor.Parse(text, n.params.Params)
	if err != nil {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "%v", err)
	}
	body, _, _ := strings.Cut(text, "#")
	sum := render.Checksum(body)
	return descriptorInfo{body + "#" + sum, sum, d.IsRange(), d.IsSolvable(), d.HasPrivate()}, nil
}
