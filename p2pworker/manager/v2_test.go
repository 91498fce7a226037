package manager

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// encrypting is what a manager is told with -v2transport.
const encrypting = wire.SFNodeNetwork | wire.SFNodeWitness | wire.SFNodeP2PV2

// dialled runs a command that dials, and returns the order for it. The connection
// is then open, by the number that is returned.
func (s *ship) dialled(w *worker, name, params string) (p2p.DialOrder, int64) {
	s.t.Helper()
	done := concurrently(s.t.Context(), func(context.Context) error {
		_, err := s.ask(name, params)
		return err
	})
	order := *w.orders()[0].Dial
	rep := w.open("1.2.3.4:5", order.ID)
	require.Empty(s.t, rep.Refused)
	require.NoError(s.t, <-done)
	return order, rep.Peer
}

func TestCommandsChooseTheTransport(t *testing.T) {
	for _, tt := range []struct {
		name, params string
		services     wire.ServiceFlag
		v2           bool
	}{
		{"addnode", `["1.2.3.4:5","onetry"]`, encrypting, true},
		{"addnode", `["1.2.3.4:5","onetry",true]`, encrypting, true},
		{"addnode", `["1.2.3.4:5","onetry",false]`, encrypting, false},
		{"addnode", `["1.2.3.4:5","onetry"]`, wire.SFNodeNetwork, false},
		{"addconnection", `["1.2.3.4:5","feeler",true]`, encrypting, true},
		{"addconnection", `["1.2.3.4:5","feeler",false]`, encrypting, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newShip(t, Config{Regtest: true, Services: tt.services})
			order, _ := s.dialled(s.worker("worker.1", 0), tt.name, tt.params)
			require.Equal(t, tt.v2, order.V2, "%s %s", tt.name, tt.params)
		})
	}
}

func TestTargetsAreDialledWithV2(t *testing.T) {
	s := newShip(t, Config{Services: encrypting, AddNode: []string{"1.2.3.4:5"}})
	w := s.worker("worker.1", 0)
	require.Nil(t, s.succeeds("addnode", `["5.6.7.8:5","add",false]`))
	s.mu.Lock()
	s.dispatch(s.roster.Tick(time.Now()))
	s.mu.Unlock()
	orders := w.orders()
	require.Len(t, orders, 2)
	first := orders[0].Dial.ID
	require.Greater(t, first, uint64(1), "dials of a manager before this one have other numbers")
	require.Equal(t, p2p.DialOrder{ID: first, Target: "1.2.3.4:5", Kind: p2p.Manual, V2: true}, *orders[0].Dial)
	require.Equal(t, p2p.DialOrder{ID: first + 1, Target: "5.6.7.8:5", Kind: p2p.Manual}, *orders[1].Dial)
}

// Of automatic connections, v2 is tried with those that are known to speak it, if
// we do.
func TestServicesChooseTheTransport(t *testing.T) {
	for _, ours := range []wire.ServiceFlag{encrypting, wire.SFNodeNetwork} {
		for _, theirs := range []wire.ServiceFlag{0, wire.SFNodeP2PV2} {
			s := newShip(t, Config{Services: ours, Automatic: true})
			w := s.worker("worker.1", 0)
			known := address(1)
			known.Services |= theirs
			w.tell(p2p.AddAddressesRequest{Peer: w.accept("10.0.0.1:5"), Addresses: []p2p.NetAddr{known}})
			s.mu.Lock()
			s.fillSlots()
			s.mu.Unlock()
			require.Equal(t, ours&theirs&wire.SFNodeP2PV2 != 0, w.orders()[0].Dial.V2, "%v, %v", ours, theirs)
		}
	}
}

// A peer that hangs up at our key is dialled again with v1 before anybody else gets
// its slot, by the same proxy.
func TestWhoRefusesV2IsDialledWithV1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proxies := []p2p.Proxy{{Network: p2p.IPv4, Address: "127.0.0.1:9050", Randomize: true}}
		s := newShip(t, Config{Regtest: true, Services: encrypting, Networks: Networks{Proxies: proxies}})
		w := s.worker("worker.1", 0)
		order, peer := s.dialled(w, "addconnection", `["1.2.3.4:5","block-relay-only",true]`)
		require.True(t, order.V2)
		require.Equal(t, proxies, order.Proxies)
		require.Equal(t, 1, s.roster.Wanted(p2p.BlockRelayOnly))
		w.close(p2p.ClosePeerRequest{Peer: peer, RefusedV2: true})
		require.Equal(t, 1, s.roster.Wanted(p2p.BlockRelayOnly), "the slot is kept")
		again := w.orders()[0].Dial
		require.Equal(t, p2p.DialOrder{ID: order.ID + 1, Target: "1.2.3.4:5", Kind: p2p.BlockRelayOnly, Proxies: proxies}, *again)
		rep := w.open("1.2.3.4:5", again.ID)
		require.Equal(t, p2p.BlockRelayOnly, rep.Kind)
		w.close(p2p.ClosePeerRequest{Peer: rep.Peer, RefusedV2: true})
		require.Equal(t, 2, s.roster.Wanted(p2p.BlockRelayOnly), "a worker is not believed of one that spoke v1")
	})
}

func TestTransportsAreShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShip(t, Config{Regtest: true, Services: encrypting})
		w := s.worker("worker.1", 0)
		w.accept("10.0.0.1:5")
		s.dialled(w, "addnode", `["1.2.3.4:5","onetry",false]`)
		unknown := s.peerInfo()
		list := <-unknown // the worker is silent
		require.Equal(t, "detecting", list[0].TransportProtocol)
		require.Equal(t, "v1", list[1].TransportProtocol)
		require.Empty(t, list[0].SessionID)
		known := s.peerInfo()
		orders := w.orders()
		w.report(orders[len(orders)-1].Report.ID, p2p.PeerReport{Peer: 0, Transport: "v2", SessionID: "00ff"})
		list = <-known
		require.Equal(t, "v2", list[0].TransportProtocol)
		require.Equal(t, "00ff", list[0].SessionID)
	})
}
