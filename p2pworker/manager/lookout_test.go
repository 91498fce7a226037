package manager

import (
	"fmt"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/addrbook"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

// lookoutShip is a manager with all the connections it wants, one of each kind, and
// addresses for more.
func lookoutShip(t *testing.T) (*ship, *worker) {
	s := newShip(t, Config{Automatic: true, Regtest: true, Test: []string{"addrman"}})
	s.roster = roster.New(roster.Limits{Total: 20, FullRelay: 1, BlockRelay: 1, Manual: 1, DialTime: time.Minute})
	s.nextFeeler = time.Now().Add(1000 * time.Hour)
	w := s.worker("worker.1", 0)
	for i := range 9 {
		end := p2p.ParseEndpoint(fmt.Sprintf("%d.1.1.1:8333", i+1))
		e := addrbook.Entry{Address: end, Services: wire.SFNodeNetwork | wire.SFNodeWitness, Source: end.Host, Seen: s.now()}
		require.True(t, s.book.Add(e, 0, s.random.Uint64, s.now()))
	}
	s.fill()
	s.carryOut(w, 2)
	return s, w
}

func (s *ship) fill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fillSlots()
}

// carryOut opens what a worker was told to dial, which has to be so many.
func (s *ship) carryOut(w *worker, n int) (kinds []p2p.ConnectionType) {
	s.t.Helper()
	for _, o := range w.orders() {
		require.NotNil(s.t, o.Dial)
		p := w.open(o.Dial.Target, o.Dial.ID)
		require.Empty(s.t, p.Refused)
		s.roster.SetReady(p.Peer)
		kinds = append(kinds, p.Kind)
	}
	require.Len(s.t, kinds, n)
	return kinds
}

// reach makes a connection beyond the limits if one is due so much later.
func (s *ship) reach(later time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reachOut(time.Now().Add(later))
}

func TestAStaleTipMakesUsHearAnother(t *testing.T) {
	s, w := lookoutShip(t)
	old := p2p.Tip{Hash: chainhash.Hash{1}, Time: mockTime - 1_000_000}
	stale := func(after time.Duration) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lookForStaleTip(s.now().Add(after))
		return s.stale
	}
	require.False(t, stale(time.Hour), "no tip is known")
	s.noteTip(old)
	require.False(t, stale(staleAge))
	require.True(t, stale(staleAge+time.Second))
	s.roster.SetMerits(0, roster.Merits{Downloading: true})
	require.False(t, stale(staleAge+time.Second), "a block is on its way")
	s.roster.SetMerits(0, roster.Merits{})
	require.True(t, stale(staleAge+time.Second))
	require.True(t, s.reach(0))
	require.Equal(t, []p2p.ConnectionType{p2p.FullRelay}, s.carryOut(w, 1))
	require.False(t, s.reach(0), "one at a time")

	// The one that told of something better stays, for a moment both.
	s.roster.SetMerits(2, roster.Merits{LastNews: mockTime})
	s.mu.Lock()
	s.dropExtra()
	s.mu.Unlock()
	require.True(t, s.stale, "it has just connected")
	s.env.Clock.SetMock(mockTime + 31)
	s.mu.Lock()
	s.dropExtra()
	s.mu.Unlock()
	require.False(t, s.stale)
	require.EqualValues(t, 0, w.orders()[0].Disconnect.Peer)
}

// TestBlockRelayPeersAreExchanged every few minutes, once the first download is over.
func TestBlockRelayPeersAreExchanged(t *testing.T) {
	s, w := lookoutShip(t)
	require.False(t, s.reach(0), "the first time is drawn")
	require.False(t, s.reach(100*time.Hour), "the chain is old")
	s.noteTip(p2p.Tip{Time: mockTime - 60})
	require.False(t, s.reach(0), "the first time is drawn")
	require.True(t, s.reach(100*time.Hour))
	require.Equal(t, []p2p.ConnectionType{p2p.BlockRelayOnly}, s.carryOut(w, 1))
	s.env.Clock.SetMock(mockTime + 31)
	s.mu.Lock()
	s.dropExtra()
	s.mu.Unlock()
	require.EqualValues(t, 2, w.orders()[0].Disconnect.Peer, "it told nothing new")
}

func TestEachNetworkIsReached(t *testing.T) {
	s, _ := lookoutShip(t)
	_, ok := s.lonelyNetwork()
	require.False(t, ok)
	s.cfg.Networks.Reachable = append(s.cfg.Networks.Reachable, p2p.TorV3)
	_, ok = s.lonelyNetwork()
	require.False(t, ok, "no address is known")
	end := p2p.ParseEndpoint("pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333")
	s.book.Add(addrbook.Entry{Address: end, Services: wire.SFNodeNetwork | wire.SFNodeWitness, Source: end.Host, Seen: s.now()}, 0, s.random.Uint64, s.now())
	network, ok := s.lonelyNetwork()
	require.True(t, ok)
	require.Equal(t, p2p.TorV3, network)
	s.mu.Lock()
	defer s.mu.Unlock()
	require.True(t, s.reachLonely())
	require.Contains(t, s.roster.Dials(), end.String())
}
