package rpc

import (
	"encoding/json"
	"errors"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/descriptor"
)

// positions is an inclusive range of a wildcard.
type positions struct{ low, high int64 }

// maxPositions bounds how many positions a descriptor may stand for.
const maxPositions = 1_000_000

// scanObjects returns the scripts of descriptors, given as strings or in
// objects with a range, each with a descriptor of it alone.
func (n *Node) scanObjects(call *rpc.Call) (map[string]string, error) {
	var objects []json.RawMessage
	if err := call.Decode(1, &objects); err != nil {
		return nil, err
	}
	wanted := map[string]string{}
	for _, raw := range objects {
		text, within, err := parseScanObject(raw)
		if err != nil {
			return nil, err
		}
		list, err := descriptor.ParseAll(text, n.Params.Params)
		if err != nil {
			return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "%v", err)
		}
		if err := within.share(len(list)); err != nil {
			return nil, err
		}
		for _, d := range list {
			err := within.expand(d, func(e descriptor.Expanded) { wanted[string(e.Script)] = e.Desc })
			if errors.Is(err, descriptor.ErrPrivate) {
				return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Cannot derive script without private keys: '%s'", text)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return wanted, nil
}

// share fails if so many descriptors would have too many positions together.
func (p positions) share(descriptors int) error {
	if p.high-p.low >= maxPositions/int64(descriptors) {
		return rpc.Errorf(rpc.InvalidParameter, "Range is too large")
	}
	return nil
}

// expand calls found with all that a descriptor stands for.
func (p positions) expand(d *descriptor.Descriptor, found func(descriptor.Expanded)) error {
	return p.each(d, func(at uint32) error {
		list, err := d.Expand(at)
		for _, e := range list {
			found(e)
		}
		return err
	})
}

// each calls fn with the positions of a descriptor, until it fails. Without a wildcard
// there is one.
func (p positions) each(d *descriptor.Descriptor, fn func(at uint32) error) error {
	if !d.IsRange() {
		p = positions{}
	}
	for at := p.low; at <= p.high; at++ {
		if err := fn(uint32(at)); err != nil {
			return err
		}
	}
	return nil
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

func parseScanObject(raw json.RawMessage) (text string, within positions, err error) {
	within = positions{0, 1000}
	if rpc.Expect(raw, rpc.String) == nil && json.Unmarshal(raw, &text) == nil {
		return text, within, nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil || object == nil {
		return "", within, rpc.Errorf(rpc.InvalidParameter, "Scan object needs to be either a string or an object")
	}
	desc, given := object["desc"], object["range"]
	if isNull(desc) {
		return "", within, rpc.Errorf(rpc.InvalidParameter, "Descriptor needs to be provided in scan object")
	}
	if err := rpc.Expect(desc, rpc.String); err != nil {
		return "", within, err
	}
	if !isNull(given) {
		within, err = parsePositions(given)
	}
	return textOf(desc), within, err
}

// parsePositions reads an end, or a begin and an end.
func parsePositions(raw json.RawMessage) (positions, error) {
	var p positions
	var ends []int64
	switch {
	case json.Unmarshal(raw, &p.high) == nil:
	case json.Unmarshal(raw, &ends) == nil && len(ends) == 2:
		p.low, p.high = ends[0], ends[1]
		if p.low > p.high {
			return p, rpc.Errorf(rpc.InvalidParameter, "Range specified as [begin,end] must not have begin after end")
		}
	default:
		return p, rpc.Errorf(rpc.InvalidParameter, "Range must be specified as end or as [begin,end]")
	}
	switch {
	case p.low < 0:
		return p, rpc.Errorf(rpc.InvalidParameter, "Range should be greater or equal than 0")
	case p.high>>31 != 0:
		return p, rpc.Errorf(rpc.InvalidParameter, "End of range is too high")
	case p.high >= p.low+maxPositions:
		return p, rpc.Errorf(rpc.InvalidParameter, "Range is too large")
	}
	return p, nil
}
