package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/descriptor"
)

// deriveAddresses returns a list of addresses, or a list of lists if the
// descriptor stands for several.
func (n addresses) deriveAddresses(_ context.Context, call *rpc.Call) (any, error) {
	text, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	var given json.RawMessage
	if call.Has(1) {
		if err := call.Decode(1, &given); err != nil {
			return nil, err
		}
	}
	if !strings.Contains(text, "#") {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Missing checksum")
	}
	list, err := descriptor.ParseAll(text, n.Params.Params)
	if err != nil {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "%v", err)
	}
	within, err := rangeFor(list, given)
	if err != nil {
		return nil, err
	}
	addresses := make([][]string, len(list))
	for i, d := range list {
		if addresses[i], err = n.addressesOf(d, within); err != nil {
			return nil, err
		}
	}
	if len(list) == 1 {
		return addresses[0], nil
	}
	return addresses, nil
}

// rangeFor reads the positions at which descriptors are wanted.
func rangeFor(list []*descriptor.Descriptor, given json.RawMessage) (within positions, err error) {
	switch ranged := list[0].IsRange(); {
	case !ranged && given != nil:
		return within, rpc.Errorf(rpc.InvalidParameter, "Range should not be specified for an un-ranged descriptor")
	case !ranged:
		return within, nil
	case given == nil:
		return within, rpc.Errorf(rpc.InvalidParameter, "Range must be specified for a ranged descriptor")
	}
	if within, err = parsePositions(given); err != nil {
		return within, err
	}
	return within, within.share(len(list))
}

// addressesOf returns the addresses of what a descriptor stands for. Scripts that
// have none are left out, unless there is nothing else.
func (n addresses) addressesOf(d *descriptor.Descriptor, within positions) ([]string, error) {
	found := []string{}
	err := within.expand(d, func(e descriptor.Expanded) {
		if address := address.Of(e.Script, n.Params.Params); address != "" {
			found = append(found, address)
		}
	})
	switch {
	case errors.Is(err, descriptor.ErrPrivate):
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Cannot derive script without private keys")
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Descriptor does not have a corresponding address")
	}
	return found, nil
}
