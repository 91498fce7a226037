package manager

import (
	"fmt"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

func (w *worker) gossip(peer int64) []p2p.NetAddr {
	w.t.Helper()
	rep, err := msg.Of(p2p.GetAddresses).Call(w.t.Context(), w.conn, p2p.GetAddressesRequest{Peer: peer})
	require.NoError(w.t, err)
	return rep.Addresses
}

func (w *worker) tell(req p2p.AddAddressesRequest) {
	w.t.Helper()
	_, err := msg.Of(p2p.AddAddresses).Call(w.t.Context(), w.conn, req)
	require.NoError(w.t, err)
}

// address is one of its own network group.
func address(i int) p2p.NetAddr {
	const services = wire.SFNodeNetwork | wire.SFNodeWitness
	return p2p.NetAddr{Time: mockTime, Services: services, Network: p2p.IPv4, Host: []byte{byte(20 + i/200), byte(i % 200), 1, 1}, Port: 8333}
}

// TestTheSameAddressesAreToldForADay to all who ask over one address of ours: asking
// often does not reveal the book.
func TestTheSameAddressesAreToldForADay(t *testing.T) {
	s := newShip(t, Config{Whitelist: []string{"addr@10.0.0.9"}, Regtest: true, Test: []string{"addrman"}})
	w := s.worker("worker.1", 0)
	one, two := w.accept("10.0.0.1:5"), w.accept("10.0.0.2:5")
	for i := range 200 {
		w.tell(p2p.AddAddressesRequest{Peer: one, Addresses: []p2p.NetAddr{address(i)}})
	}
	require.Greater(t, s.book.Len(), 180, "some share a place")
	first := w.gossip(one)
	require.NotEmpty(t, first)
	require.LessOrEqual(t, len(first), 200*gossipPercent/100)
	require.Equal(t, first, w.gossip(two))
	require.Empty(t, w.gossip(77), "nothing to a connection that is not there")

	s.env.Clock.SetMock(mockTime + int64(gossipCacheTime/time.Second) + 1)
	require.NotEqual(t, first, w.gossip(one), "a day later it is another sample")
	trusted := w.accept("10.0.0.9:5")
	require.NotEqual(t, w.gossip(trusted), w.gossip(trusted), "who may, gets a fresh one each time")
}

func TestAddressesThatAreNotKept(t *testing.T) {
	s := newShip(t, Config{})
	w := s.worker("worker.1", 0)
	peer := w.accept("10.0.0.1:5")
	private := address(1)
	private.Host = []byte{192, 168, 1, 1}
	onion := p2p.NetAddr{Network: p2p.TorV3, Host: make([]byte, 32), Port: 8333}
	s.succeeds("setban", fmt.Sprintf(`["%d.%d.1.1","add"]`, address(2).Host[0], address(2).Host[1]))
	w.tell(p2p.AddAddressesRequest{Peer: peer, Addresses: []p2p.NetAddr{private, onion, address(2)}})
	w.tell(p2p.AddAddressesRequest{Peer: 77, Addresses: []p2p.NetAddr{address(3)}})
	w.tell(p2p.AddAddressesRequest{Peer: peer, Addresses: make([]p2p.NetAddr, maxGossip+1)})
	require.Zero(t, s.book.Len())
}

// TestFreshAddressesArePassedOnToTwoOthers that take part in gossip.
func TestFreshAddressesArePassedOnToTwoOthers(t *testing.T) {
	s := newShip(t, Config{})
	w := s.worker("worker.1", 0)
	from := w.accept("10.0.0.1:5")
	w.open("10.0.0.2:5", 0) // has not introduced itself
	for i := range 3 {
		w.accept(fmt.Sprintf("10.0.1.%d:5", i))
	}
	w.tell(p2p.AddAddressesRequest{Peer: from, Relay: []p2p.NetAddr{address(1)}})
	orders := w.orders()
	require.Len(t, orders, relayWidth)
	require.NotEqual(t, orders[0].Relay.Peer, orders[1].Relay.Peer)
	for _, o := range orders {
		require.Equal(t, []p2p.NetAddr{address(1)}, o.Relay.Addresses)
		require.Greater(t, o.Relay.Peer, int64(1), "neither to its source nor to a stranger")
	}
}

// What a worker wants to be passed on is believed as little as what it wants to be kept:
// a host of the wrong length would make the message too large, and the reply too.
func TestAddressesThatAreNotPassedOn(t *testing.T) {
	s := newShip(t, Config{})
	bad, good := s.worker("worker.1", 0), s.worker("worker.2", 0)
	from := bad.accept("10.0.0.1:5")
	good.accept("10.0.0.2:5")
	private, long, banned, discouraged := address(1), address(2), address(3), address(4)
	private.Host = []byte{192, 168, 1, 1}
	long.Host = make([]byte, p2p.MaxMessage)
	unknown := address(5)
	unknown.Network = 99
	s.succeeds("setban", fmt.Sprintf(`["%s","add"]`, banned.Endpoint().Host))
	s.bans.Discourage(discouraged.Endpoint().Host)
	bad.tell(p2p.AddAddressesRequest{Peer: from, Relay: []p2p.NetAddr{private, long, unknown, banned, discouraged, address(6)}})
	orders := good.orders()
	require.Len(t, orders, 1)
	require.Equal(t, []p2p.NetAddr{address(6)}, orders[0].Relay.Addresses)

	var many []p2p.NetAddr
	for i := range 2 * maxPassedOn {
		many = append(many, address(10+i))
	}
	bad.tell(p2p.AddAddressesRequest{Peer: from, Relay: many})
	require.Len(t, good.orders(), maxPassedOn)
}

// An address that is told again and again reaches two peers a day, and others on
// other days.
func TestAnAddressIsPassedOnToTwoPeersADay(t *testing.T) {
	s := newShip(t, Config{})
	w := s.worker("worker.1", 0)
	from := w.accept("10.0.0.1:5")
	for i := range 20 {
		w.accept(fmt.Sprintf("10.0.1.%d:5", i))
	}
	reached := func(times int, pause int64) map[int64]bool {
		peers, now := map[int64]bool{}, int64(mockTime)
		for range times {
			s.env.Clock.SetMock(now)
			w.tell(p2p.AddAddressesRequest{Peer: from, Relay: []p2p.NetAddr{address(1)}})
			for _, o := range w.orders() {
				peers[o.Relay.Peer] = true
			}
			now += pause
		}
		return peers
	}
	require.LessOrEqual(t, len(reached(10, 2*60*60)), 2*relayWidth, "a day may end meanwhile")
	require.Greater(t, len(reached(20, relayDay)), 2*relayWidth)
}

// TestAutomaticConnections go to addresses of different networks that offer blocks.
func TestAutomaticConnections(t *testing.T) {
	s := newShip(t, Config{Automatic: true})
	w := s.worker("worker.1", 0)
	source := w.accept("10.0.0.1:5")
	same, useless := address(0), address(1)
	same.Host[3] = 99
	useless.Services = 0
	w.tell(p2p.AddAddressesRequest{Peer: source, Addresses: []p2p.NetAddr{address(0), same, useless}})
	s.mu.Lock()
	s.fillSlots()
	s.mu.Unlock()
	orders := w.orders()
	require.NotEmpty(t, orders)
	w.open(orders[0].Dial.Target, orders[0].Dial.ID)
	s.env.Clock.SetMock(mockTime + 3600)
	s.mu.Lock()
	s.fillSlots()
	s.mu.Unlock()
	for _, o := range orders {
		require.NotEqual(t, "20.1.1.1:8333", o.Dial.Target, "it offers no blocks")
	}
	e, _ := s.book.Select(s.random.Uint64, s.now(), s.eligible)
	require.False(t, e.Address.IsValid(), "nothing of another network is left")
}

// TestTheLastAddressIsTriedAgainSoon: where there are others it has to wait.
func TestTheLastAddressIsTriedAgainSoon(t *testing.T) {
	s := newShip(t, Config{Automatic: true})
	w := s.worker("worker.1", 0)
	source := w.accept("10.0.0.1:5")
	w.tell(p2p.AddAddressesRequest{Peer: source, Addresses: []p2p.NetAddr{address(0)}})
	s.mu.Lock()
	defer s.mu.Unlock()
	only, ok := s.choose(p2p.FullRelay)
	require.True(t, ok)
	s.book.Attempted(only.Address, s.now())
	_, ok = s.choose(p2p.FullRelay)
	require.False(t, ok)
	s.env.Clock.SetMock(mockTime + 60)
	again, ok := s.choose(p2p.FullRelay)
	require.True(t, ok)
	require.Equal(t, only.Address, again.Address)
}

func TestCommandsAboutTheAddressBook(t *testing.T) {
	s := newShip(t, Config{})
	s.fails(rpc.InvalidIPOrSubnet, "Invalid IP address", "addpeeraddress", `["localhost",8333]`)
	s.fails(rpc.InvalidParameter, "Address count out of range", "getnodeaddresses", `[-1]`)
	s.fails(rpc.InvalidParameter, "Network not recognized: moon", "getnodeaddresses", `[1,"moon"]`)
	success := addressAdded{Success: true}
	require.Equal(t, success, s.succeeds("addpeeraddress", `["1.2.3.4",8333,true]`))
	require.Equal(t, success, s.succeeds("addpeeraddress", `["2a00:1450::1",8333]`))
	require.NotEqual(t, success, s.succeeds("addpeeraddress", `["1.2.3.4",8333]`), "it is known")
	require.Equal(t, []nodeAddress{{mockTime, 9, "1.2.3.4", 8333, "ipv4"}}, s.succeeds("getnodeaddresses", `[0,"ipv4"]`))
	require.Len(t, s.succeeds("getnodeaddresses", `[0]`), 2)
	require.Len(t, s.succeeds("getnodeaddresses", `[1]`), 1)
	require.Empty(t, s.succeeds("getnodeaddresses", `[0,"onion"]`))
}
