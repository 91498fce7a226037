package manager

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/addrbook"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

// seeding is a manager that asks six seeds, and its log.
func seeding(t *testing.T, known int) (*ship, *strings.Builder) {
	s := newShip(t, Config{Automatic: true, Networks: Networks{Proxies: proxies(0)}, DNSSeeds: []string{"a", "b", "c", "d", "e", "f"}})
	log := &strings.Builder{}
	s.env.Logger = slog.New(slog.NewTextHandler(log, nil))
	for i := 0; s.book.Len() < known; i++ {
		a := address(i).Endpoint()
		s.book.Add(addrbook.Entry{Address: a, Source: a.Host, Seen: s.now()}, 0, s.random.Uint64, s.now())
	}
	s.roster.AddWorker("worker.1", 0, nil)
	return s, log
}

// connect makes two connections, after which no seed need be asked.
func (s *ship) connect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, target := range []string{"8.8.8.8:1", "9.9.9.9:1"} {
		id, _, _ := s.roster.Dial(target, p2p.FullRelay, false)
		s.roster.Open(time.Now(), roster.Opened{Worker: "worker.1", Dial: id, Remote: p2p.ParseEndpoint(target)})
	}
}

// TestSeedsAreAskedAsNeeded: a few at a time, after the known addresses have had their
// chance, and not at all if those were enough.
func TestSeedsAreAskedAsNeeded(t *testing.T) {
	for name, tt := range map[string]struct {
		known   int
		connect time.Duration // when there are peers, 0 for never
		took    time.Duration
		asked   int
		told    string
	}{
		"none known": {0, 0, 0, 6, "0 addresses found from DNS seeds"},
		"no peers":   {5, 0, 2 * seedDelay, 6, "0 addresses found from DNS seeds"},
		"peers":      {5, time.Second, seedDelay, 0, "P2P peers available. Skipped DNS seeding."},
		"then peers": {5, seedDelay + time.Second, 2 * seedDelay, 3, "P2P peers available. Skipped DNS seeding."},
		"many known": {manyAddresses, longSeedDelay - seedDelay, longSeedDelay - 3*time.Second, 0, "Waiting 300 seconds"},
	} {
		t.Run(name, func(t *testing.T) {
			s, log := seeding(t, tt.known)
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				if tt.connect > 0 {
					timer := time.AfterFunc(tt.connect, s.connect)
					defer timer.Stop()
				}
				require.NoError(t, s.seed(t.Context()))
				require.Equal(t, tt.took, time.Since(began))
				require.Equal(t, tt.asked, strings.Count(log.String(), "Loading addresses"))
				require.Contains(t, log.String(), tt.told)
			})
		})
	}
}

// TestSeedsAndTheSwitch: none is asked while the network is switched off.
func TestSeedsAndTheSwitch(t *testing.T) {
	s, log := seeding(t, 0)
	s.roster.SetActive(false)
	synctest.Test(t, func(t *testing.T) {
		timer := time.AfterFunc(time.Minute, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			require.NotContains(t, log.String(), "Loading addresses")
			s.roster.SetActive(true)
		})
		defer timer.Stop()
		require.NoError(t, s.seed(t.Context()))
		require.Equal(t, 6, strings.Count(log.String(), "Loading addresses"))
	})
	none := newShip(t, Config{})
	none.env.Logger = s.env.Logger
	require.NoError(t, none.seed(t.Context()))
	require.Contains(t, log.String(), "DNS seeding disabled")
}

// TestSeedNodes are asked one after the other: at once where no address is known.
func TestSeedNodes(t *testing.T) {
	s := newShip(t, Config{Automatic: true, DefaultPort: 8333, SeedNodes: []string{"25.0.0.1", "25.0.0.2:1"}})
	w := s.worker("worker.1", 0)
	asked := map[string]bool{}
	ask := func(now time.Time) bool {
		s.mu.Lock()
		s.askSeedNodes(now)
		dials := len(s.roster.Dials())
		s.mu.Unlock()
		if dials == 0 {
			return false
		}
		dial := w.orders()[0].Dial
		require.Equal(t, p2p.AddrFetch, dial.Kind)
		asked[dial.Target] = true
		_, err := msg.DialFailed.Call(t.Context(), w.conn, p2p.DialFailedRequest{Dial: dial.ID})
		require.NoError(t, err)
		return true
	}
	now := s.now()
	require.True(t, ask(now))
	require.False(t, ask(now.Add(seedNodePause)))
	require.True(t, ask(now.Add(seedNodePause+1)))
	require.False(t, ask(now.Add(time.Hour)))
	require.Equal(t, map[string]bool{"25.0.0.1:8333": true, "25.0.0.2:1": true}, asked)

	s = newShip(t, Config{Automatic: true, DefaultPort: 8333, SeedNodes: []string{"25.0.0.1"}})
	w = s.worker("worker.1", 0)
	s.succeeds("addpeeraddress", `["1.2.3.4",8333]`)
	require.False(t, ask(now), "an address is known")
	require.False(t, ask(now.Add(seedNodePause)))
	require.True(t, ask(now.Add(seedNodePause+1)))
}

// TestSeedNodesComeBeforeDNSSeeds: for half a minute.
func TestSeedNodesComeBeforeDNSSeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShip(t, Config{SeedNodes: []string{"25.0.0.1"}})
		began := time.Now()
		require.False(t, s.awaitSeedNodes(t.Context()))
		require.Equal(t, seedNodePatience, time.Since(began))
		s.cfg.SeedNodes = nil
		require.False(t, s.awaitSeedNodes(t.Context()))
		require.Equal(t, seedNodePatience, time.Since(began))
	})
}

// TestAnAddedNodeIsNotChosenAgain: it may be written without its port.
func TestAnAddedNodeIsNotChosenAgain(t *testing.T) {
	s := newShip(t, Config{Automatic: true, DefaultPort: 8333, AddNode: []string{"1.2.3.4"}})
	w := s.worker("worker.1", 0)
	s.succeeds("addpeeraddress", `["1.2.3.4",8333]`)
	s.mu.Lock()
	s.dispatch(s.roster.Tick(time.Now()))
	_, ok := s.choose(p2p.FullRelay)
	require.False(t, ok)
	_, _, ok = s.roster.Dial("1.2.3.4:8333", p2p.FullRelay, false)
	require.False(t, ok, "it is being dialled")
	s.mu.Unlock()
	dial := w.orders()[0].Dial
	require.Equal(t, "1.2.3.4", dial.Target)
	w.open("1.2.3.4:8333", dial.ID)
	for _, target := range []string{"1.2.3.4", "1.2.3.4:8333"} {
		_, _, ok := s.roster.Dial(target, p2p.Manual, false)
		require.False(t, ok, target)
	}
	_, _, ok = s.roster.Dial("1.2.3.4:8334", p2p.Manual, false)
	require.True(t, ok)
	s.fails(-23, "Error: Node already added", "addnode", `["1.2.3.4:8333","add"]`)
}
