package manager

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

func (w *worker) report(id uint64, peers ...p2p.PeerReport) {
	w.t.Helper()
	_, err := msg.ReportPeers.Call(w.t.Context(), w.conn, p2p.ReportPeersRequest{ID: id, Peers: peers})
	require.NoError(w.t, err)
}

func (s *ship) peerInfo() <-chan []peerInfo {
	return concurrently(s.t.Context(), func(context.Context) []peerInfo {
		list, _ := s.ask("getpeerinfo", `[]`)
		return list.([]peerInfo)
	})
}

// TestReportsComeFromAllWorkersThatHaveConnections, and are waited for.
func TestReportsComeFromAllWorkersThatHaveConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShip(t, Config{Whitelist: []string{"noban@10.0.0.1"}})
		w1, w2 := s.worker("worker.1", 0), s.worker("worker.2", 0)
		s.worker("worker.3", 0) // idle: it is not asked
		w1.accept("10.0.0.1:5")
		w2.accept("5.6.7.8:5")
		began := time.Now()
		answer := s.peerInfo()
		id := w1.orders()[0].Report.ID
		require.Equal(t, id, w2.orders()[0].Report.ID)
		w1.report(id, p2p.PeerReport{Peer: 0, UserAgent: "/one/", Services: 1 << 3, Ping: 1500, MinPing: 1000, Pinged: true, Ready: true, Transport: "v2"},
			p2p.PeerReport{Peer: 1, UserAgent: "/forged/"})
		synctest.Wait()
		require.Empty(t, answer)
		w2.report(id, p2p.PeerReport{Peer: 1, UserAgent: "/two/", PingWait: 2_500_000})
		list := <-answer
		require.Zero(t, time.Since(began))
		require.Len(t, list, 2)
		one, two := list[0], list[1]
		require.Equal(t, []string{"/one/", "/two/"}, []string{one.SubVer, two.SubVer}, "a worker reports of its own peers")
		require.Equal(t, []string{"noban", "download"}, one.Permissions)
		require.Equal(t, []string{"WITNESS"}, one.ServicesNames)
		require.Equal(t, []string{"not_publicly_routable", "ipv4"}, []string{one.Network, two.Network})
		require.EqualValues(t, 1500, *one.PingTime)
		require.EqualValues(t, 1000, *one.MinPing)
		require.Equal(t, "v2", one.TransportProtocol)
		require.Nil(t, two.PingTime)
		require.EqualValues(t, 2_500_000, *two.PingWait)
		p, _ := s.roster.Peer(0)
		require.Equal(t, time.Millisecond, p.LowestPing, "the roster protects short pings")
	})
}

// TestASilentWorkerIsShownAsItWas: others do not wait for it for ever.
func TestASilentWorkerIsShownAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShip(t, Config{})
		w := s.worker("worker.1", 0)
		w.accept("10.0.0.1:5")
		began := time.Now()
		list := <-s.peerInfo()
		require.Equal(t, reportPatience, time.Since(began))
		require.Len(t, list, 1)
		require.Empty(t, list[0].SubVer)
		id := w.orders()[0].Report.ID
		w.report(id, p2p.PeerReport{Peer: 0, UserAgent: "/late/"})
		require.Empty(t, s.reports, "nothing is left of the round")
		require.Equal(t, "/late/", (<-s.peerInfo())[0].SubVer, "what came late is known the next time")
	})
}

func TestAWorkerThatDiesIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShip(t, Config{})
		w1, w2 := s.worker("worker.1", 0), s.worker("worker.2", 0)
		w1.accept("10.0.0.1:5")
		w2.accept("10.0.0.2:5")
		began := time.Now()
		answer := s.peerInfo()
		w2.report(w2.orders()[0].Report.ID, p2p.PeerReport{Peer: 1, UserAgent: "/two/"})
		s.workerGone("worker.1")
		list := <-answer
		require.Zero(t, time.Since(began))
		require.Len(t, list, 1)
		require.EqualValues(t, 1, list[0].ID)
	})
}

func TestTotalsHoldWhatClosedConnectionsMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShip(t, Config{})
		w := s.worker("worker.1", 0)
		gone := w.accept("10.0.0.1:5")
		w.close(p2p.ClosePeerRequest{Peer: gone, Report: p2p.PeerReport{Peer: gone, BytesSent: 10, BytesReceived: 20}})
		there := w.accept("10.0.0.2:5")
		answer := concurrently(t.Context(), func(context.Context) any {
			totals, _ := s.ask("getnettotals", `[]`)
			return totals
		})
		w.report(w.orders()[0].Report.ID, p2p.PeerReport{Peer: there, BytesSent: 1, BytesReceived: 2})
		totals := (<-answer).(netTotals)
		require.EqualValues(t, 11, totals.Sent)
		require.EqualValues(t, 22, totals.Received)
	})
}

func TestNetworkInfoWithoutANode(t *testing.T) {
	s := newShip(t, Config{ClientVersion: 310000, UserAgent: "/Bulkhead:1/", MinRelayFeeRate: 100, BlocksOnly: true})
	w := s.worker("worker.1", 0)
	w.accept("10.0.0.1:5")
	info := s.succeeds("getnetworkinfo", `[]`).(networkInfo)
	require.Equal(t, []int{1, 1, 0}, []int{info.Connections, info.ConnectionsIn, info.ConnectionsOut})
	require.Equal(t, "0000000000000409", info.LocalServices)
	require.Equal(t, []string{"NETWORK", "WITNESS", "NETWORK_LIMITED"}, info.LocalServicesNames)
	require.False(t, info.LocalRelay)
	require.True(t, info.NetworkActive)
}
