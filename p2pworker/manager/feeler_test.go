package manager

import (
	"context"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/addrbook"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

// TestFeelers: once there are the connections that are wanted, one at a time tries
// addresses that are new, and those whose places others wait for.
func TestFeelers(t *testing.T) {
	wanted := Config{Automatic: true, Regtest: true, Test: []string{"addrman"}}
	few := roster.Limits{Total: 1, Manual: 1, DialTime: time.Minute}
	s := newShip(t, wanted)
	s.roster = roster.New(few)
	w := s.worker("worker.1", 0)
	feel := func(now time.Time) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.feel(now)
	}
	const services = wire.SFNodeNetwork | wire.SFNodeWitness
	end := p2p.ParseEndpoint("2.0.0.0:8333")
	s.book.Add(addrbook.Entry{Address: end, Services: services, Source: end.Host, Seen: s.now(), LastTry: s.now().Add(-time.Hour)}, 0, s.random.Uint64, s.now())
	now := time.Now()
	for s.roster.Wanted(p2p.Feeler) == 1 {
		now = now.Add(time.Hour)
		feel(now)
	}
	dial := w.orders()[0].Dial
	require.Equal(t, p2p.Feeler, dial.Kind)
	require.Equal(t, end.String(), dial.Target)
	feel(now.Add(time.Hour))
	require.Zero(t, s.roster.WaitingDials(), "one at a time")
	rep := w.open(dial.Target, dial.ID)
	w.close(p2p.ClosePeerRequest{Peer: rep.Peer})

	// Two addresses that share a place among the tried, under the key of tests.
	s.succeeds("addpeeraddress", `["1.2.3.4",8333,true]`)
	s.succeeds("addpeeraddress", `["1.2.5.45",8333,true]`)
	feel(now.Add(100 * time.Hour))
	dial = w.orders()[0].Dial
	require.Equal(t, "1.2.3.4:8333", dial.Target)
	w.open(dial.Target, dial.ID)

	// One that is connected need not be tried.
	busy := newShip(t, wanted)
	busy.roster = roster.New(few)
	w = busy.worker("worker.1", 0)
	answer := concurrently(t.Context(), func(ctx context.Context) bool { return busy.dial(ctx, "1.2.3.4:8333", p2p.Manual, false) })
	id := w.open("1.2.3.4:8333", w.orders()[0].Dial.ID).Peer
	require.True(t, <-answer)
	busy.roster.SetReady(id)
	busy.succeeds("addpeeraddress", `["1.2.3.4",8333,true]`)
	busy.succeeds("addpeeraddress", `["1.2.5.45",8333,true]`)
	busy.mu.Lock()
	defer busy.mu.Unlock()
	busy.feel(now)
	require.Equal(t, 1, busy.roster.Wanted(p2p.Feeler))
	busy.roster = roster.New(roster.Limits{})
	require.Zero(t, busy.roster.Wanted(p2p.Feeler), "none with -maxconnections=0")
}
