package rpc

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/descriptor"
)

func (n addresses) table() rpc.Table {
	return append(slices.Concat(n.addressCommands(), n.messageCommands()), n.multisigCommand(), n.signersCommand())
}

func (n addresses) addressCommands() rpc.Table {
	return rpc.Table{
		{
			Name: "validateaddress", Examples: []string{`["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"]`}, Returns: rpc.Alternatives{validAddress{}, invalidAddress{}}, Category: "Util", Run: n.validateAddress,
			Summary: "Return information about the given bitcoin address.",
			Params:  []rpc.Param{{Name: "address", Type: rpc.String, Help: "The bitcoin address to validate"}},
		},
		{
			Name: "getdescriptorinfo", Returns: descriptorInfo{}, Category: "Util", Run: n.getDescriptorInfo,
			Summary: "Analyses a descriptor.",
			Params:  []rpc.Param{{Name: "descriptor", Type: rpc.String, Help: "The descriptor."}},
		},
		{
			Name: "deriveaddresses", Returns: rpc.Alternatives{[]string{}, [][]string{}}, Category: "Util", Run: n.deriveAddresses,
			Summary: "Derives one or more addresses corresponding to an output descriptor.",
			Params: []rpc.Param{
				{Name: "descriptor", Type: rpc.String, Help: "The descriptor."},
				{Name: "range", Form: rpc.Range, Optional: true, Help: "If a ranged descriptor is used, this specifies the end or the range (in [begin,end] notation) to derive."},
			},
		},
	}
}

type validAddress struct {
	IsValid bool `json:"isvalid"`
	address.Description
}

type invalidAddress struct {
	IsValid   bool   `json:"isvalid"`
	Locations []int  `json:"error_locations"`
	Error     string `json:"error"`
}

func (n addresses) validateAddress(_ context.Context, call *rpc.Call) (any, error) {
	text, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	script, err := address.Script(text, n.Params.Params)
	if err != nil {
		invalid := invalidAddress{Locations: []int{}, Error: err.Error()}
		var bad *address.BadBech32
		if errors.As(err, &bad) {
			invalid.Locations = append(invalid.Locations, bad.Positions...)
		}
		return invalid, nil
	}
	return validAddress{IsValid: true, Description: address.Describe(script, n.Params.Params)}, nil
}

type descriptorInfo struct {
	Descriptor string `json:"descriptor"`
	Checksum   string `json:"checksum"`
	IsRange    bool   `json:"isrange"`
	IsSolvable bool   `json:"issolvable"`
	HasPrivate bool   `json:"hasprivatekeys"`

	Multipath []string `json:"multipath_expansion,omitempty"`
}

func (n addresses) getDescriptorInfo(_ context.Context, call *rpc.Call) (any, error) {
	text, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	list, err := descriptor.ParseAll(text, n.Params.Params)
	if err != nil {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "%v", err)
	}
	d := list[0]
	body, _, _ := strings.Cut(text, "#")
	info := descriptorInfo{
		Descriptor: withChecksum(d.Public()), Checksum: descriptor.Checksum(body),
		IsRange: d.IsRange(), IsSolvable: d.IsSolvable(), HasPrivate: d.HasPrivate(),
	}
	if len(list) > 1 {
		for _, d := range list {
			info.Multipath = append(info.Multipath, withChecksum(d.Public()))
		}
	}
	return info, nil
}

func withChecksum(desc string) string { return desc + "#" + descriptor.Checksum(desc) }
