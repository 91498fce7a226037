package manager

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// A throttle is told to the workers of the connections that it concerns, and to new
// ones with their admission.
func TestSetThrottle(t *testing.T) {
	s := newShip(t, Config{Rates: p2p.Rates{p2p.Up: 5000}})
	w := s.worker("worker.1", 0)
	id := w.accept("1.2.3.4:1000")
	info := s.succeeds("setthrottle", `["total", 1000000]`).(throttleInfo)
	require.Equal(t, rateInfo{1_000_000, 5000}, info.Total)
	orders := w.orders()
	require.Len(t, orders, 1)
	require.Equal(t, [2]bool{true, true}, orders[0].Meter.Meter.Leased)
	second := w.open("1.2.3.5:1000", 0)
	require.Equal(t, orders[0].Meter.Meter, second.Meter)

	s.succeeds("setthrottle", `["peer", 5, null, 0]`)
	s.succeeds("setthrottle", `{"scope": "blocks", "upload": 0, "download": 7}`)
	orders = w.orders()
	require.Len(t, orders, 3)
	require.Equal(t, id, orders[0].Meter.Peer)
	require.Equal(t, p2p.Rates{5, 0}, orders[0].Meter.Meter.Own)
	require.EqualValues(t, 1<<p2p.BlockTraffic, orders[2].Meter.Meter.Classes[p2p.Down])
	require.Greater(t, orders[2].Meter.Meter.Epoch, orders[0].Meter.Meter.Epoch)
	require.Equal(t, []peerRates{{id, rateInfo{5, 0}}}, s.succeeds("getthrottle", `[]`).(throttleInfo).Peers)

	s.fails(rpc.InvalidParameter, "Error: Unknown scope: it is total, peer, profile:NAME, or a class of messages: blocks, transactions, addresses or handshakes", "setthrottle", `["everything", 1]`)
	s.fails(rpc.InvalidParameter, "Error: A rate is between 0 and 1099511627776 bytes per second", "setthrottle", `["total", -1]`)
	s.fails(rpc.InvalidParameter, "Error: There is no -listenprofile of this name", "setthrottle", `["profile:x", 1]`)
	s.fails(rpc.NodeNotConnected, "Node not found in connected nodes", "setthrottle", `["peer", 1, 1, 77]`)
	s.fails(invalidParams, "nodeid goes with the scope \"peer\", and only with it.", "setthrottle", `["peer", 1, 1]`)
	s.fails(invalidParams, "nodeid goes with the scope \"peer\", and only with it.", "setthrottle", `["total", 1, 1, 0]`)
}

// A worker gets leases for its own connections only.
func TestLeasesAreTheOwners(t *testing.T) {
	s := newShip(t, Config{Rates: p2p.Rates{p2p.Up: 1 << 20}})
	w, other := s.worker("worker.1", 0), s.worker("worker.2", 0)
	id := w.accept("1.2.3.4:1000")
	req := p2p.LeaseTrafficRequest{Peer: id, Direction: p2p.Up, Bytes: 100}
	lease, err := msg.LeaseTraffic.Call(t.Context(), w.conn, req)
	require.NoError(t, err)
	require.Equal(t, 100, lease.Bytes)
	_, err = msg.LeaseTraffic.Call(t.Context(), other.conn, req)
	require.Error(t, err)
	w.close(p2p.ClosePeerRequest{Peer: id})
	_, err = msg.LeaseTraffic.Call(t.Context(), w.conn, req)
	require.Error(t, err)
}

// Connections that an earlier manager had limited hear that they are not any more.
func TestALaterManagerHasItsOwnLimits(t *testing.T) {
	s := newShip(t, Config{})
	w := s.worker("worker.1", 0, p2p.OpenInfo{Peer: 1, Kind: p2p.Inbound, Remote: "1.2.3.4:1", Metered: true}, p2p.OpenInfo{Peer: 2, Kind: p2p.Inbound, Remote: "1.2.3.4:2"})
	orders := w.orders()
	require.Len(t, orders, 1)
	require.EqualValues(t, 1, orders[0].Meter.Peer)
	require.False(t, orders[0].Meter.Meter.Limited())
}

// The limits of a later manager count even if its clock is behind that of the one before
// it; what is no epoch spoils those of nobody else. What was set for one peer stays.
func TestALaterManagerWithAnEarlierClock(t *testing.T) {
	s := newShip(t, Config{Rates: p2p.Rates{p2p.Up: 1000}})
	ahead := s.epoch + 1_000_000
	w := s.worker("worker.1", 0, p2p.OpenInfo{Peer: 1, Kind: p2p.Inbound, Remote: "1.2.3.4:1", Epoch: ahead, Own: p2p.Rates{5, 6}},
		p2p.OpenInfo{Peer: 2, Kind: p2p.Inbound, Remote: "1.2.3.4:2", Epoch: math.MaxUint64, Own: p2p.Rates{-1, -1}},
		p2p.OpenInfo{Peer: 3, Kind: p2p.Inbound, Remote: "1.2.3.4:3"})
	last := map[int64]uint64{1: ahead, 3: s.epoch - 1}
	for range 3 {
		orders := w.orders()
		require.Len(t, orders, 3)
		for _, o := range orders {
			if p := o.Meter.Peer; p != 2 {
				require.Greater(t, o.Meter.Meter.Epoch, last[p])
				last[p] = o.Meter.Meter.Epoch
			}
		}
		require.Equal(t, p2p.Rates{5, 6}, orders[0].Meter.Meter.Own)
		require.Zero(t, orders[1].Meter.Meter.Own)
		s.succeeds("setthrottle", `["total", 0, 2000]`)
	}
	require.Less(t, last[3], ahead)
}
