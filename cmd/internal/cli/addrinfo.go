package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
)

// addrInfo shows the number of addresses known, in the node's order of networks.
func (c *client) addrInfo(ctx context.Context) (string, error) {
	if len(c.words) > 0 {
		return "", errors.New("-addrinfo takes no arguments")
	}
	result, err := c.ask(ctx, c.wallet(), request{id: []byte("1"), method: "getaddrmaninfo"})
	var refused *refusal
	if errors.As(err, &refused) && refused.code() == rpc.MethodNotFound {
		return "", config.Complain("-addrinfo requires bitcoind v26.0 or later which supports getaddrmaninfo RPC. Please upgrade your node or use bitcoin-cli from the same version.")
	}
	if err != nil {
		return "", err
	}
	counts, err := members(result)
	if err != nil {
		return "", err
	}
	for i, p := range counts {
		var count struct{ Total json.Number }
		if err := json.Unmarshal(p.value, &count); err != nil || count.Total == "" {
			return "", errUnreadable
		}
		counts[i].value = []byte(count.Total)
		if p.name == "all_networks" {
			counts[i].name = "total"
		}
	}
	return pretty(object([]pair{{"addresses_known", object(counts)}}))
}

// members are those of an object, in their order.
func members(raw json.RawMessage) (list []pair, err error) {
	if first(raw) != '{' {
		return nil, errUnreadable
	}
	in := json.NewDecoder(bytes.NewReader(raw))
	_, _ = in.Token() // the brace
	for in.More() {
		name, err := in.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return nil, err
		}
		text, _ := name.(string) // so it is: the object is valid
		list = append(list, pair{text, value})
	}
	return list, nil
}
