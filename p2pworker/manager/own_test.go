package manager

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

const onionText = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"

func ownConfig(discover bool, list ...OwnAddress) Config {
	return Config{Own: Own{Listening: true, Discover: discover, Port: 8334, Addresses: list}}
}

// told is what a peer at remote, which sees us so, is told of us.
func (s *ship) told(w *worker, remote, sees string) string {
	s.t.Helper()
	peer := w.open(remote, 0).Peer
	defer w.close(p2p.ClosePeerRequest{Peer: peer})
	_, err := msg.Of(p2p.IntroducePeer).Call(s.t.Context(), w.conn, p2p.IntroducePeerRequest{Peer: peer, AddrLocal: sees})
	require.NoError(s.t, err)
	reply, err := msg.Of(p2p.SelfAddress).Call(s.t.Context(), w.conn, p2p.SelfAddressRequest{Peer: peer})
	require.NoError(s.t, err)
	if len(reply.Addresses) == 0 {
		return ""
	}
	require.Len(s.t, reply.Addresses, 1)
	return reply.Addresses[0].Endpoint().String()
}

func TestPeersAreToldWhatTheyReach(t *testing.T) {
	v4 := OwnAddress{"1.2.3.4", 8333, ByUser}
	v6 := OwnAddress{"2a00:1450::1", 8333, ByInterface}
	onion := OwnAddress{onionText, 8333, ByUser}
	s := newShip(t, ownConfig(false, onion, v6, v4))
	w := s.worker("worker.1", 0)
	require.Equal(t, "1.2.3.4:8333", s.told(w, "5.5.5.5:1", ""))
	require.Equal(t, "[2a00:1450::1]:8333", s.told(w, "[2a00:1450::2]:1", ""))
	require.Equal(t, "1.2.3.4:8333", s.told(w, "127.0.0.1:1", ""), "it is of no network")
	require.Equal(t, "1.2.3.4:8333", s.told(w, "5.5.5.5:1", "9.9.9.9:1"), "nothing is to be found out")

	s = newShip(t, ownConfig(false, onion))
	require.Empty(t, s.told(s.worker("worker.1", 0), "5.5.5.5:1", ""), "what we are on Tor")
	s = newShip(t, ownConfig(false, v4, OwnAddress{"10.0.0.1", 8333, ByUser}))
	require.Len(t, s.own, 1, "nobody reaches the other")
	s.cfg.Own.Listening = false
	require.Empty(t, s.told(s.worker("worker.1", 0), "5.5.5.5:1", ""))
	reply, err := msg.Of(p2p.SelfAddress).Call(t.Context(), s.worker("worker.2", 0).conn, p2p.SelfAddressRequest{Peer: 77})
	require.NoError(t, err)
	require.Empty(t, reply.Addresses)
}

// TestPeersTellUsOurAddress: the only one we know, or one of two.
func TestPeersTellUsOurAddress(t *testing.T) {
	s := newShip(t, ownConfig(true))
	w := s.worker("worker.1", 0)
	require.Equal(t, "9.9.9.9:5", s.told(w, "5.5.5.5:1", "9.9.9.9:5"), "one that connected sees the port")
	require.Empty(t, s.told(w, "5.5.5.5:1", "10.0.0.9:5"))
	require.Empty(t, s.told(w, "10.0.0.1:1", "9.9.9.9:5"), "it is of our own network")
	require.Empty(t, s.told(w, "5.5.5.5:1", onionText+":5"), "Tor is not reachable")
	m := s.manager
	require.Equal(t, "9.9.9.9:8334", m.tellable(outboundPeer("5.5.5.5:1"), &facts{sees: p2p.ParseEndpoint("9.9.9.9:5")}).String())

	s = newShip(t, ownConfig(true, OwnAddress{"1.2.3.4", 8333, ByInterface}))
	w = s.worker("worker.1", 0)
	seen := map[string]bool{}
	for range 64 {
		seen[s.told(w, "5.5.5.5:1", "9.9.9.9:5")] = true
	}
	require.Equal(t, map[string]bool{"1.2.3.4:8333": true, "9.9.9.9:5": true}, seen)
	require.Equal(t, ByInterface, s.own[0].score)
	s.told(w, "5.5.5.5:1", "1.2.3.4:5")
	require.Equal(t, ByInterface+1, s.own[0].score, "confirmed")
	require.True(t, s.isOwn(p2p.ParseEndpoint("1.2.3.4:1").Host))
	require.False(t, s.allowed(p2p.ParseEndpoint("1.2.3.4:1").Host), "we do not connect to ourselves")
}

func outboundPeer(remote string) roster.Peer {
	end := p2p.ParseEndpoint(remote)
	return roster.Peer{Kind: p2p.FullRelay, Remote: end, Network: end.Host.Network()}
}
