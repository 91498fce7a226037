package manager

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

func TestSetConnLimit(t *testing.T) {
	s := newShip(t, Config{Profiles: []Profile{{Name: "filters", Slots: 3}}})
	w := s.worker("worker.1", 0)
	id := w.accept("1.2.3.4:1000")
	limits := s.succeeds("setconnlimit", `["total", 11]`).(map[roster.Pooled]int)
	require.Equal(t, 11, limits[roster.LimitTotal])
	require.Equal(t, 3, limits[roster.PoolOf("filters")])
	orders := w.orders()
	require.Len(t, orders, 1)
	require.Equal(t, &p2p.DisconnectOrder{Peer: id, Reason: "more connections than setconnlimit allows", Code: p2p.EndedByConnLimit}, orders[0].Disconnect)
	s.fails(rpc.InvalidParameter, "Error: Unknown limit", "setconnlimit", `["inbound", 1]`)
	s.fails(rpc.InvalidParameter, "Error: A limit is between 0 and 10000 connections", "setconnlimit", `["total", -1]`)
	s.fails(rpc.InvalidParameter, "Error: A limit is between 0 and 10000 connections", "setconnlimit", `["total", 10001]`)
}

// A ban of inbound connections leaves those that we made, and one of Tor finds those
// who come by the listener that is for it.
func TestBansByDirectionAndNetwork(t *testing.T) {
	s := newShip(t, Config{Networks: Networks{OnionBinds: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:8333")}}})
	w := s.worker("worker.1", 0, p2p.OpenInfo{Peer: 1, Kind: p2p.Manual, Remote: "1.2.3.4:8333", Local: "127.0.0.1:9"},
		p2p.OpenInfo{Peer: 2, Kind: p2p.Inbound, Remote: "1.2.3.4:1000", Local: "127.0.0.1:9"}, p2p.OpenInfo{Peer: 3, Kind: p2p.Inbound, Remote: "127.0.0.1:1000", Local: "127.0.0.1:8333"})
	s.succeeds("setban", `{"subnet": "1.2.0.0/16", "command": "add", "inbound_only": true}`)
	s.succeeds("setban", `["onion", "add"]`)
	orders := w.orders()
	require.Len(t, orders, 2)
	require.EqualValues(t, 2, orders[0].Disconnect.Peer)
	require.EqualValues(t, 3, orders[1].Disconnect.Peer)
	require.NotEmpty(t, w.open("127.0.0.1:2000", 0).Refused)
	s.fails(rpc.ClientNodeAdded, "Error: IP/Subnet already banned", "setban", `["onion", "add"]`)
	require.Len(t, s.succeeds("listbanned", `[]`), 2)
	s.succeeds("setban", `["onion", "remove"]`)
	require.Empty(t, w.open("127.0.0.1:2000", 0).Refused)
}

// A ban of inbound connections does not keep from banning altogether; one of all keeps
// from banning inbound ones.
func TestABanOfInboundConnectionsIsNoneOfAll(t *testing.T) {
	s := newShip(t, Config{})
	inbound := `{"subnet": "1.2.0.0/16", "command": "add", "inbound_only": true}`
	s.succeeds("setban", inbound)
	s.fails(rpc.ClientNodeAdded, "Error: IP/Subnet already banned", "setban", inbound)
	s.succeeds("setban", `["1.2.3.4", "add"]`)
	s.succeeds("setban", `["1.2.0.0/16", "add"]`)
	require.True(t, s.bans.BannedOutbound(p2p.ParseEndpoint("1.2.9.9:1").Host, s.now()))
	for _, again := range []string{`["1.2.0.0/16", "add"]`, `["1.2.3.5", "add"]`, inbound, `{"subnet": "1.2.3.4", "command": "add", "inbound_only": true}`} {
		s.fails(rpc.ClientNodeAdded, "Error: IP/Subnet already banned", "setban", again)
	}
	require.Len(t, s.succeeds("listbanned", `[]`), 3)
	s.succeeds("setban", `["1.2.0.0/16", "remove"]`)
	require.Len(t, s.succeeds("listbanned", `[]`), 1)
}

// addnode and setnetworkactive do not wait for the next look at what is due.
func TestAddNodeActsAtOnce(t *testing.T) {
	s := newShip(t, Config{})
	w := s.worker("worker.1", 0)
	s.succeeds("addnode", `["1.2.3.4:5", "add"]`)
	orders := w.orders()
	require.Len(t, orders, 1)
	require.Equal(t, "1.2.3.4:5", orders[0].Dial.Target)
}
