package manager

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
)

// newPrivateShip is a manager that knows an address of each network, all of which are
// reached by proxies.
func newPrivateShip(t *testing.T) *ship {
	networks := []p2p.NetworkID{p2p.IPv4, p2p.TorV3, p2p.CJDNS}
	s := newShip(t, Config{PrivateBroadcast: true, Regtest: true, Test: []string{"addrman"},
		Networks: Networks{Proxies: proxies(networks...), Reachable: networks, CJDNS: true}})
	for _, address := range []string{`"8.8.8.8",8333`, `"` + onion + `",8333`, `"fc00::1",8333`} {
		s.succeeds("addpeeraddress", "["+address+"]")
	}
	return s
}

// want has the manager make what the node wants.
func (s *ship) want(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.private.wanted = n
	for range 100 { // the book may pass over addresses for a while
		s.openPrivate()
	}
}

// Private connections are made to peers of Tor, and once Tor has been seen to work by its
// proxy to those of IPv4; of none of them anything is kept.
func TestPrivateConnectionsLeaveNoTrace(t *testing.T) {
	s := newPrivateShip(t)
	w := s.worker("worker.1", 0)
	s.want(5)
	orders := w.orders()
	require.Len(t, orders, 1)
	dial := orders[0].Dial
	require.Equal(t, p2p.DialOrder{ID: dial.ID, Target: onion + ":8333", Kind: p2p.PrivateBroadcast, Proxies: proxies(p2p.TorV3)}, *dial)
	id := w.open(dial.Target, dial.ID).Peer
	_, err := msg.Of(p2p.IntroducePeer).Call(t.Context(), w.conn, p2p.IntroducePeerRequest{Peer: id, Services: 1 << 20})
	require.NoError(t, err)
	require.Zero(t, s.book.Tried())
	for e := range s.book.All() {
		require.Zero(t, e.Services&(1<<20))
	}

	s.want(5)
	orders = w.orders()
	require.Len(t, orders, 1)
	require.Equal(t, "8.8.8.8:8333", orders[0].Dial.Target)
	require.Equal(t, proxies(p2p.TorV3), orders[0].Dial.Proxies, "not its own")
	w.close(p2p.ClosePeerRequest{Peer: id})
	require.Empty(t, s.past)
	require.Zero(t, s.book.Tried())
}

// One whose peer does not speak v2 is made again by the same way.
func TestAPrivateConnectionKeepsItsWay(t *testing.T) {
	s := newPrivateShip(t)
	s.private.torWorks = true
	w := s.worker("worker.1", 0)
	s.mu.Lock()
	_, orders, _ := s.roster.Dial("8.8.8.8:8333", p2p.PrivateBroadcast, true)
	s.dispatch(orders)
	s.mu.Unlock()
	id := w.open("8.8.8.8:8333", w.orders()[0].Dial.ID).Peer
	w.close(p2p.ClosePeerRequest{Peer: id, RefusedV2: true})
	again := w.orders()[0].Dial
	require.Equal(t, p2p.DialOrder{ID: again.ID, Target: "8.8.8.8:8333", Kind: p2p.PrivateBroadcast, Proxies: proxies(p2p.TorV3)}, *again)

	s.private.torWorks = false
	require.Empty(t, s.wayTo(*again), "rather none than the proxy of IPv4")
}

// A proxy that is away keeps neither other networks waiting nor other connections.
func TestAPrivateProxyThatIsAway(t *testing.T) {
	s := newPrivateShip(t)
	w := s.worker("worker.1", 0)
	s.want(1)
	dial := w.orders()[0].Dial
	_, err := msg.DialFailed.Call(t.Context(), w.conn, p2p.DialFailedRequest{Dial: dial.ID, Proxy: true})
	require.NoError(t, err)
	require.Zero(t, s.proxyFailed)
	require.Empty(t, s.privateNetworks())
	s.private.failed[p2p.TorV3] = time.Now().Add(-proxyPause)
	require.Equal(t, []p2p.NetworkID{p2p.TorV3}, s.privateNetworks())
}

// The manager asks the node, and tells it whether there is a way.
func TestTheNodeSaysHowManyAreWanted(t *testing.T) {
	s := newPrivateShip(t)
	w := s.worker("worker.1", 0)
	asked := make(chan msg.WantPrivateRequest)
	mux := bus.NewMux()
	msg.WantPrivate.Handle(mux, func(ctx context.Context, req msg.WantPrivateRequest) (msg.WantPrivateReply, error) {
		select {
		case asked <- req:
		case <-ctx.Done():
		}
		return msg.WantPrivateReply{Wanted: 1}, nil
	})
	s.bus.Conn(roles.Node, "node", mux)
	ctx, cancel := context.WithCancel(t.Context())
	ended := concurrently(ctx, s.keepPrivate)
	require.Equal(t, msg.WantPrivateRequest{Known: -1, Reachable: true}, <-asked)
	require.Equal(t, msg.WantPrivateRequest{Known: 1, Reachable: true}, <-asked)
	s.want(1)
	require.Equal(t, p2p.PrivateBroadcast, w.orders()[0].Dial.Kind)
	cancel()
	require.Error(t, <-ended)
}
