package manager

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// TestEvictionKnowsWhatWorkersKnow: they are asked before somebody is dropped, but not
// for each of many newcomers.
func TestEvictionKnowsWhatWorkersKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const room = 30
		s := newShip(t, Config{MaxConnections: limited(11 + room)})
		w := s.worker("worker.1", 0)
		for i := range room {
			require.Empty(t, w.open(fmt.Sprintf("10.0.0.1:%d", i+1), 0).Refused)
		}
		opened := concurrently(t.Context(), func(context.Context) p2p.OpenPeerReply { return w.open("10.0.0.2:5", 0) })
		order := w.orders()[0].Report
		require.NotNil(t, order)
		var reports []p2p.PeerReport
		for i := range int64(room) {
			r := p2p.PeerReport{Peer: i, RelaysTxs: true, Ready: true}
			if i > 1 {
				r.LastTransaction, r.LastBlock, r.Pinged, r.MinPing = mockTime, mockTime, true, 5
			}
			reports = append(reports, r)
		}
		w.report(order.ID, reports...)
		require.Empty(t, (<-opened).Refused)
		victim := w.orders()[0].Disconnect
		require.NotNil(t, victim)
		p, _ := s.roster.Peer(5)
		require.EqualValues(t, mockTime, p.LastTx)

		require.Empty(t, w.open("10.0.0.3:5", 0).Refused)
		require.NotNil(t, w.orders()[0].Disconnect, "they have just told")
	})
}

// TestTxRelayAtVersion: peers that want transactions are few.
func TestTxRelayAtVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		none := 0
		s := newShip(t, Config{InboundRelayPercent: &none})
		w := s.worker("worker.1", 0)
		introduce := func(remote string, relay bool) string {
			rep := w.open(remote, 0)
			answer := concurrently(t.Context(), func(ctx context.Context) p2p.IntroducePeerReply {
				v, err := msg.Of(p2p.IntroducePeer).Call(ctx, w.conn, p2p.IntroducePeerRequest{Peer: rep.Peer, Relay: relay})
				require.NoError(t, err)
				return v
			})
			return (<-answer).Refused
		}
		require.Empty(t, introduce("10.0.0.1:5", false))
		require.Equal(t, noTxRelay, introduce("10.0.0.2:5", true))
		v, err := msg.Of(p2p.RelayTxs).Call(t.Context(), w.conn, p2p.RelayTxsRequest{Peer: 0})
		require.NoError(t, err)
		require.True(t, v.Refused)
		v, err = msg.Of(p2p.RelayTxs).Call(t.Context(), w.conn, p2p.RelayTxsRequest{Peer: 77})
		require.NoError(t, err)
		require.False(t, v.Refused)
	})
}
