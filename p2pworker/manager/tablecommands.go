package manager

import (
	"context"
	"fmt"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/p2pworker/addrbook"
)

func (m commands) tableCommands() rpc.Table {
	return rpc.Table{
		{Name: "getaddrmaninfo", Returns: map[string]*addressCount{}, Category: "Network",
			Summary: "Provides information about the node's address manager by returning the number of addresses in the `new` and `tried` tables and their sum for all networks.",
			Result:  "{...}    (json object) new, tried and total for each of\n(" + networkNames() + ", all_networks)",
			Run:     m.getAddrManInfo},
		{Name: "getrawaddrman", Returns: rawTables{}, Category: "hidden",
			Summary: "Returns all entries of the address manager, both of the new and the tried table, by their place.",
			Result:  "{...}    (json object) new and tried: objects with \"bucket/position\" as keys",
			Run:     m.getRawAddrMan},
		exportCommand(),
	}
}

type addressCount struct {
	New   int `json:"new"`
	Tried int `json:"tried"`
	Total int `json:"total"`
}

func (c *addressCount) count(tried bool) {
	c.Total++
	if tried {
		c.Tried++
	} else {
		c.New++
	}
}

func (m commands) getAddrManInfo(context.Context, *rpc.Call) (any, error) {
	counts := map[string]*addressCount{"all_networks": {}}
	for _, network := range p2p.Networks() {
		counts[network.Name()] = &addressCount{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for e := range m.book.All() {
		counts["all_networks"].count(e.Tried)
		counts[e.Address.Host.Network().Name()].count(e.Tried)
	}
	return counts, nil
}

// rawAddress is one place of a table, in Bitcoin Core's order.
type rawAddress struct {
	Address       string `json:"address"`
	MappedAS      uint32 `json:"mapped_as,omitempty"`
	Port          uint16 `json:"port"`
	Services      uint64 `json:"services"`
	Time          int64  `json:"time"`
	Network       string `json:"network"`
	Source        string `json:"source"`
	SourceNetwork string `json:"source_network"`
	SourceAS      uint32 `json:"source_mapped_as,omitempty"`
}

type rawTables struct {
	New   map[string]rawAddress `json:"new"`
	Tried map[string]rawAddress `json:"tried"`
}

func (m commands) getRawAddrMan(context.Context, *rpc.Call) (any, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fresh, tried := m.book.Places()
	return rawTables{m.rawTable(fresh), m.rawTable(tried)}, nil
}

func (m commands) rawTable(places []addrbook.Place) map[string]rawAddress {
	table := make(map[string]rawAddress, len(places))
	for _, p := range places {
		table[fmt.Sprintf("%d/%d", p.Bucket, p.Index)] = rawAddress{
			p.Address.Host.String(), m.asmap.System(p.Address.Host), p.Address.Port, uint64(p.Services), p.Seen.Unix(), p.Address.Host.NetworkName(),
			p.Source.String(), p.Source.NetworkName(), m.asmap.System(p.Source)}
	}
	return table
}
