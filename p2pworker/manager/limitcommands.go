package manager

import (
	"context"
	"fmt"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

const setConnLimitSummary = "Changes how many connections there may be, at once and until the node stops.\n" +
	"If there are more, some end with the reason \"connection-limit\": of inbound ones those that would be evicted for a newcomer, of others the youngest."

// maxConnLimit is the largest number of connections that can be set.
const maxConnLimit = 10_000

func (m commands) limitCommands() rpc.Table {
	return rpc.Table{
		{Name: "setconnlimit", Returns: map[roster.Pooled]int{}, Category: "Network", Summary: setConnLimitSummary,
			Params: []rpc.Param{
				{Name: "limit", Type: rpc.String, Help: "\"total\" (-maxconnections: inbound and automatic ones), \"outbound-full-relay\", \"block-relay-only\", \"manual\" or \"profile:NAME\" (see -listenprofile)"},
				{Name: "connections", Type: rpc.Number, Help: fmt.Sprintf("The new number, up to %d", maxConnLimit)},
			},
			Run: m.sets(m.setConnLimit)},
	}
}

func (m commands) setConnLimit(_ context.Context, call *rpc.Call) (any, error) {
	which, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	n, err := call.Int(1, -1)
	if err != nil {
		return nil, err
	}
	if n < 0 || n > maxConnLimit {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Error: A limit is between 0 and %d connections", maxConnLimit)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	orders, ok := m.roster.SetLimit(roster.Pooled(which), n)
	if !ok {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Error: Unknown limit")
	}
	m.env.Logger.Info(fmt.Sprintf("Connection limit %s=%d ends %d connections", which, n, len(orders)))
	m.dispatch(orders)
	m.fillSlots()
	m.changed()
	return m.roster.Limits(), nil
}
