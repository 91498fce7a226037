package roster

import (
	"fmt"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func start() time.Time { return time.Unix(1_700_000_000, 0) }

func from(i int) p2p.Endpoint {
	return p2p.ParseEndpoint(fmt.Sprintf("10.%d.0.1:%d", i%250, 1000+i))
}

func inbound(t *testing.T, r *Roster, i int) Peer {
	t.Helper()
	p, _, refusal := r.Open(start().Add(time.Duration(i)*time.Second), Opened{Worker: "w", Remote: from(i)})
	require.Empty(t, refusal)
	return p
}

func failed(r *Roster, now time.Time, worker string, id uint64) []Order {
	orders, _ := r.DialFailed(now, worker, id, false)
	return orders
}

func TestPeersAreNumberedWhenTheyOpen(t *testing.T) {
	r := New(DefaultLimits())
	r.AddWorker("w", 0, nil)
	id, orders, ok := r.Dial("1.2.3.4:8333", p2p.Manual, false)
	require.True(t, ok)
	require.Equal(t, []Order{{Worker: "w", WorkerOrder: p2p.WorkerOrder{Dial: &p2p.DialOrder{ID: id, Target: "1.2.3.4:8333", Kind: p2p.Manual}}}}, orders)
	require.Empty(t, failed(r, start(), "w", id))
	require.False(t, r.Dialling(id))
	require.EqualValues(t, 0, inbound(t, r, 1).ID)
	id, _, _ = r.Dial("1.2.3.4:8333", p2p.Manual, false)
	p, _, refusal := r.Open(start(), Opened{Worker: "w", Dial: id, Remote: p2p.ParseEndpoint("1.2.3.4:8333")})
	require.Empty(t, refusal)
	require.EqualValues(t, 1, p.ID)
	require.Equal(t, p2p.Manual, p.Kind)
	_, _, ok = r.Dial("1.2.3.4:8333", p2p.Manual, false)
	require.False(t, ok, "connected already")
	_, _, refusal = r.Open(start(), Opened{Worker: "w", Dial: 77})
	require.Equal(t, NoDial, refusal)
	_, _, refusal = r.Open(start(), Opened{Worker: "nobody"})
	require.Equal(t, NoWorker, refusal)
}

func TestConfiguredTargetsAreRetriedWithGrowingPauses(t *testing.T) {
	r, now := New(DefaultLimits()), start()
	require.True(t, r.AddTarget("a:1", false))
	require.False(t, r.AddTarget("a:1", false))
	require.True(t, r.AddTarget("127.0.0.1:1", false))
	require.False(t, r.AddTarget("127.1:1", false), "the same")
	require.True(t, r.RemoveTarget("127.0.0.1:1"))
	require.Empty(t, r.Tick(now), "no worker yet")
	orders := r.AddWorker("w", 0, nil)
	require.Len(t, orders, 1)
	pause := firstRetry
	for range 10 {
		failed(r, now, orders[0].Worker, orders[0].Dial.ID)
		require.Empty(t, r.Tick(now.Add(pause-1)))
		orders = r.Tick(now.Add(pause))
		require.Len(t, orders, 1)
		now, pause = now.Add(pause), min(2*pause, lastRetry)
	}
	p, _, _ := r.Open(now, Opened{Worker: "w", Dial: orders[0].Dial.ID, Remote: from(1)})
	require.Empty(t, r.Tick(now.Add(time.Hour)))
	r.Close(now, p.ID)
	require.Len(t, r.Tick(now.Add(firstRetry)), 1, "a lost connection is made again soon")
	require.True(t, r.RemoveTarget("a:1"))
	require.False(t, r.RemoveTarget("a:1"))
	require.Empty(t, r.Targets())
}

func TestLostWorkerGivesItsDialsToAnother(t *testing.T) {
	r := New(DefaultLimits())
	r.AddTarget("a:1", false)
	r.AddWorker("w", 0, nil)
	peer := inbound(t, r, 3)
	orders := r.Tick(start())
	require.Equal(t, "w", orders[0].Worker)
	lost, orders := r.RemoveWorker(start(), "w")
	require.Equal(t, []Peer{peer}, lost)
	require.Empty(t, orders)
	require.Equal(t, 1, r.WaitingDials())
	orders = r.AddWorker("v", 0, nil)
	require.Equal(t, "v", orders[0].Worker)
	require.Equal(t, "a:1", orders[0].Dial.Target)
}

func TestWorkersOfOneConnection(t *testing.T) {
	r := New(DefaultLimits())
	r.AddWorker("a", 1, nil)
	r.AddWorker("b", 1, nil)
	require.Equal(t, 2, r.FreeWorkers())
	id, orders, _ := r.Dial("x:1", p2p.Manual, false)
	require.Equal(t, "a", orders[0].Worker)
	orders, _ = r.DialFailed(start(), "a", id, true)
	require.Len(t, orders, 1, "a busy worker hands its dial on")
	p, _, refusal := r.Open(start(), Opened{Worker: orders[0].Worker, Dial: id, Remote: from(1)})
	require.Empty(t, refusal)
	require.Equal(t, "x:1", p.Name)
	require.Equal(t, 1, r.FreeWorkers())
}

// TestAWorkerBesideThePoolHasItsShare: one without limit is on another machine.
func TestAWorkerBesideThePoolHasItsShare(t *testing.T) {
	r := New(DefaultLimits())
	for _, name := range []string{"a", "b", "c", "d"} {
		r.AddWorker(name, 1, nil)
	}
	r.AddWorker("far", 0, nil)
	require.Equal(t, 4, r.FreeWorkers(), "the far one cannot stand in for the pool")
	far := 0
	for i := range 6 {
		id, orders, ok := r.Dial(fmt.Sprintf("x:%d", i), p2p.FullRelay, false)
		require.True(t, ok)
		if orders[0].Worker == "far" {
			far++
		}
		_, _, refusal := r.Open(start(), Opened{Worker: orders[0].Worker, Dial: id, Remote: from(i)})
		require.Empty(t, refusal)
	}
	require.Equal(t, 3, far)
	require.Equal(t, 1, r.FreeWorkers())
}

// TestWhatOneCannotReachAnotherTries: they may be on different networks.
func TestWhatOneCannotReachAnotherTries(t *testing.T) {
	r, now := New(DefaultLimits()), start()
	r.AddTarget("x:1", false)
	r.AddWorker("a", 1, nil)
	r.AddWorker("far", 0, nil)
	r.AddWorker("z", 0, nil)
	tried := map[string]int{}
	for range 6 {
		now = now.Add(lastRetry)
		orders := r.Tick(now)
		require.Len(t, orders, 1)
		tried[orders[0].Worker]++
		failed(r, now, orders[0].Worker, orders[0].Dial.ID)
	}
	require.Equal(t, map[string]int{"a": 2, "far": 2, "z": 2}, tried)
}

func TestReturningWorkerKeepsItsPeers(t *testing.T) {
	r := New(DefaultLimits())
	r.AddTarget("x:1", false)
	r.AddWorker("a", 0, []Peer{{ID: 7, Kind: p2p.Manual, Name: "x:1", Remote: from(1)}})
	require.Empty(t, r.Tick(start()), "the target is connected")
	require.EqualValues(t, 8, inboundAt(t, r, "a"))
}

// A worker is told to close what it is not believed: it would serve that for ever, and
// nobody could ask anything of it, or end it.
func TestWorkersCloseWhatTheyAreNotBelieved(t *testing.T) {
	r := New(DefaultLimits())
	require.Empty(t, r.AddWorker("a", 0, []Peer{{ID: 7, Remote: from(1)}}))
	orders := r.AddWorker("b", 2, []Peer{
		{ID: 7, Remote: from(2)}, {ID: 8, Remote: from(3)}, {ID: 8, Remote: from(4)}, {ID: -1, Remote: from(5)},
		{ID: maxNumber + 1, Remote: from(6)}, {ID: 9, Remote: from(7)}, {ID: 10, Remote: from(8)},
	})
	var closed []int64
	for _, o := range orders {
		require.Equal(t, "b", o.Worker)
		closed = append(closed, o.Disconnect.Peer)
	}
	require.Equal(t, []int64{7, -1, maxNumber + 1, 10}, closed, "not the one of the same number that is its own")
	p, _ := r.Peer(7)
	require.Equal(t, "a", p.Worker)
	require.False(t, p.Leaving)
}

func inboundAt(t *testing.T, r *Roster, worker string) int64 {
	p, _, refusal := r.Open(start(), Opened{Worker: worker, Remote: from(9)})
	require.Empty(t, refusal)
	return p.ID
}

func TestSwitchingNetworkOff(t *testing.T) {
	r := New(DefaultLimits())
	r.AddWorker("w", 0, nil)
	r.AddTarget("x:1", false)
	p := inbound(t, r, 1)
	orders := r.SetActive(false)
	require.Equal(t, []Order{{Worker: "w", WorkerOrder: p2p.WorkerOrder{Disconnect: &p2p.DisconnectOrder{Peer: p.ID, Reason: "Network not active", Code: p2p.EndedByInactiveNet}}}}, orders)
	require.Empty(t, r.Tick(start()))
	require.Zero(t, r.Wanted(p2p.FullRelay))
	_, _, refusal := r.Open(start(), Opened{Worker: "w", Remote: from(2)})
	require.Equal(t, NotActive, refusal)
	require.Empty(t, r.SetActive(true))
	require.Len(t, r.Tick(start()), 1)
	require.Equal(t, 8, r.Wanted(p2p.FullRelay))
}

// TestCountsNeverDrift plays random events and compares the roster's counts
// with what they must add up to.
func TestCountsNeverDrift(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, now := New(Limits{Total: 20, FullRelay: 2, BlockRelay: 1, Manual: 3, DialTime: 5 * time.Second}), start()
		names := []string{"a", "b", "c"}
		targets := []string{"x:1", "y:1", "z:1"}
		seen := map[int64]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
			name := rapid.SampledFrom(names).Draw(t, "worker")
			switch rapid.IntRange(0, 7).Draw(t, "event") {
			case 0:
				r.AddWorker(name, rapid.IntRange(0, 2).Draw(t, "capacity"), nil)
			case 1:
				r.RemoveWorker(now, name)
			case 2:
				r.AddTarget(rapid.SampledFrom(targets).Draw(t, "target"), rapid.Bool().Draw(t, "v2"))
			case 3:
				r.Tick(now)
			case 4:
				for id, d := range r.dials {
					r.DialFailed(now, d.worker, id, rapid.Bool().Draw(t, "busy"))
					break
				}
			case 5:
				for id, d := range r.dials {
					p, _, refusal := r.Open(now, Opened{Worker: d.worker, Dial: id, Remote: from(int(id))})
					if refusal == "" {
						if seen[p.ID] {
							t.Fatalf("peer number %d given twice", p.ID)
						}
						seen[p.ID] = true
					}
					break
				}
			case 6:
				for id := range r.peers {
					if _, _, ok := r.Downgrade(id); !ok {
						r.Close(now, id)
					}
					break
				}
			case 7:
				r.SetActive(rapid.Bool().Draw(t, "active"))
			}
			checkCounts(t, r)
		}
	})
}

func checkCounts(t *rapid.T, r *Roster) {
	peers, dials := map[string]int{}, map[string]int{}
	for _, p := range r.peers {
		peers[p.Worker]++
	}
	for _, d := range r.dials {
		dials[d.worker]++
	}
	for name, w := range r.workers {
		if w.peers != peers[name] || w.dials != dials[name] {
			t.Fatalf("worker %s counts %d peers and %d dials, has %d and %d", name, w.peers, w.dials, peers[name], dials[name])
		}
	}
	for name := range peers {
		if r.workers[name] == nil {
			t.Fatalf("peers of worker %s, which is gone", name)
		}
	}
}

// TestAWorkerIsNotBelievedAboutOthers: one that says so does not get the
// connections of another, nor more than it takes.
func TestAWorkerIsNotBelievedAboutOthers(t *testing.T) {
	r := New(DefaultLimits())
	r.AddWorker("w", 1, nil)
	mine := inbound(t, r, 1)
	r.AddWorker("thief", 2, []Peer{mine, {ID: 7}, {ID: 8}, {ID: 9}})
	p, ok := r.Peer(mine.ID)
	require.True(t, ok)
	require.Equal(t, "w", p.Worker)
	require.Len(t, r.Peers(), 3, "of its own two")
	_, _, refusal := r.Open(start(), Opened{Worker: "thief", Remote: from(2)})
	require.Equal(t, WorkerFull, refusal)
	_, _, ok = r.Close(start(), mine.ID)
	require.True(t, ok)
	require.Equal(t, 1, r.FreeWorkers(), "the one that was robbed has room again")
}

// A worker that returns brings connections that a new roster has asked for already.
func TestReturningConnectionsAreNotDialledAgain(t *testing.T) {
	limits := DefaultLimits()
	r := New(limits)
	r.NumberDialsFrom(1000)
	require.True(t, r.AddTarget("1.1.1.1:1", false))
	require.Empty(t, r.Tick(start()))
	for i := range limits.FullRelay {
		id, _, ok := r.Dial(fmt.Sprintf("2.2.2.%d:1", i+1), p2p.FullRelay, false)
		require.True(t, ok)
		require.Greater(t, id, uint64(1000))
	}
	require.Len(t, r.Dials(), limits.FullRelay+1)
	open := []Peer{{ID: 1, Name: "1.1.1.1:1", Kind: p2p.Manual}}
	for i := range limits.FullRelay - 1 {
		open = append(open, Peer{ID: int64(i + 2), Name: fmt.Sprintf("3.3.3.%d:1", i+1), Kind: p2p.FullRelay})
	}
	orders := r.AddWorker("w", 0, open)
	require.Len(t, orders, 1, "one place is left")
	require.Equal(t, p2p.FullRelay, orders[0].Dial.Kind)
	require.Zero(t, r.WaitingDials())
	require.Empty(t, r.Tick(start()))
}
