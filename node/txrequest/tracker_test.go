package txrequest

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/download"
)

var start = time.Unix(1_700_000_000, 0)

func source(n int) Source {
	return Source{Peer: download.Holder{Worker: "worker.1", Peer: int64(n)}}
}

func preferred(n int) Source {
	s := source(n)
	s.Preferred = true
	return s
}

func name(n int) Name { return Name{Hash: chainhash.Hash{byte(n), byte(n >> 8)}, Wtxid: true} }

func unknown(Name) bool { return false }

func (t *Tracker) asks(s Source, at time.Time) []Name { return t.Come(s.Peer, at, unknown).Ask }

func TestOneIsAskedAtATime(t *testing.T) {
	tr := New(rand.IntN)
	require.True(t, tr.Announce(source(1), name(1), start.Add(2*time.Second)))
	require.True(t, tr.Announce(source(2), name(1), start.Add(3*time.Second)))
	turn := tr.Come(source(1).Peer, start, unknown)
	require.Empty(t, turn.Ask, "it has to wait")
	require.Equal(t, start.Add(2*time.Second), turn.Next)
	now := start.Add(3 * time.Second)
	require.Equal(t, []Name{name(1)}, tr.asks(source(1), now))
	require.Empty(t, tr.asks(source(1), now), "it was asked")
	turn = tr.Come(source(2).Peer, now, unknown)
	require.Empty(t, turn.Ask)
	require.Equal(t, now.Add(Patience), turn.Next, "until then the other one may deliver")

	turn = tr.Come(source(2).Peer, now.Add(Patience), unknown)
	require.Equal(t, []Name{name(1)}, turn.Ask)
	require.Equal(t, []Late{{name(1), source(1).Peer}}, turn.Late)
	require.Empty(t, tr.asks(source(1), now.Add(3*Patience)), "nobody is asked twice")
	require.Empty(t, tr.asks(source(2), now.Add(3*Patience)))
	require.Zero(t, tr.Len(), "all have failed")
}

func TestAnotherIsAskedWhenOneHasNotGotIt(t *testing.T) {
	for why, fail := range map[string]func(*Tracker, time.Time) []download.Holder{
		"notfound": func(tr *Tracker, now time.Time) []download.Holder {
			return tr.Failed(source(1).Peer, name(1).Hash, now)
		},
		"gone": func(tr *Tracker, now time.Time) []download.Holder {
			return tr.Gone(func(h download.Holder) bool { return h == source(1).Peer }, now)
		},
	} {
		t.Run(why, func(t *testing.T) {
			tr := New(rand.IntN)
			for i := range 3 {
				tr.Announce(source(i+1), name(1), start)
			}
			tr.Announce(preferred(4), name(1), start)
			tr.Announce(source(5), name(1), start.Add(time.Hour))
			tr.Come(preferred(4).Peer, start, unknown)
			require.Equal(t, []download.Holder(nil), fail(tr, start), "it was not the one that was asked")
			require.Len(t, tr.Failed(preferred(4).Peer, name(1).Hash, start), 1)

			tr = New(rand.IntN)
			for i := range 3 {
				tr.Announce(source(i+1), name(1), start)
			}
			require.NotEmpty(t, tr.asks(source(1), start))
			tr.Announce(preferred(4), name(1), start)
			require.Equal(t, []download.Holder{preferred(4).Peer}, fail(tr, start))
			require.Equal(t, []Name{name(1)}, tr.asks(preferred(4), start))
		})
	}
}

// One that nobody has vouched for waits for one that we chose, but not for ever.
func TestPreferredPeersGoFirst(t *testing.T) {
	tr := New(rand.IntN)
	tr.Announce(source(1), name(1), start)
	tr.Announce(preferred(2), name(1), start)
	turn := tr.Come(source(1).Peer, start, unknown)
	require.Empty(t, turn.Ask)
	require.Equal(t, []download.Holder{preferred(2).Peer}, turn.Wake)
	require.Equal(t, []download.Holder{preferred(2).Peer}, tr.Due(start))
	require.Equal(t, []Name{name(1)}, tr.asks(preferred(2), start.Add(10*time.Millisecond)))
	require.Empty(t, tr.asks(source(1), turn.Next))
}

// A preferred peer that never comes, be it gone or silent, keeps nobody from a
// transaction for longer than its grace: not when it announced first, nor when it is to
// be asked next, nor with others of its kind.
func TestWhoNeverComesIsNotWaitedFor(t *testing.T) {
	for silent := 1; silent < 4; silent++ {
		tr, now := New(rand.IntN), start
		for i := range silent {
			tr.Announce(preferred(20+i), name(1), start)
		}
		for i := range 3 {
			tr.Announce(source(i), name(1), start)
		}
		for i := range 3 {
			require.Empty(t, tr.asks(source(i), now))
			require.Empty(t, tr.asks(source(i), now.Add(grace-1)))
			now = now.Add(grace)
			require.Equal(t, []Name{name(1)}, tr.asks(source(i), now))
			tr.Failed(source(i).Peer, name(1).Hash, now)
		}
		tr.consistent(t)
	}
}

func TestWhatIsKnownIsForgotten(t *testing.T) {
	tr := New(rand.IntN)
	tr.Announce(source(1), name(1), start)
	tr.Announce(source(2), name(1), start)
	tr.Announce(source(1), name(2), start)
	require.Len(t, tr.Candidates(name(1).Hash), 2)
	turn := tr.Come(source(1).Peer, start, func(n Name) bool { return n == name(1) })
	require.Equal(t, []Name{name(2)}, turn.Ask)
	require.Empty(t, tr.Candidates(name(1).Hash))
	tr.Forget(name(2).Hash)
	require.Zero(t, tr.Len())
	require.Empty(t, tr.Peers())
}

func TestAFloodTakesItsShareOnly(t *testing.T) {
	tr := New(rand.IntN)
	for i := range MaxAnnouncements {
		require.True(t, tr.Announce(source(1), name(i), start))
	}
	require.False(t, tr.Announce(source(1), name(MaxAnnouncements), start))
	require.True(t, tr.Announce(source(1), name(5), start), "it is there")
	require.True(t, tr.Announce(source(2), name(MaxAnnouncements), start))
	free := source(3)
	free.Unlimited = true
	require.True(t, tr.MayAnnounce(free, maxUnlimited))

	require.Len(t, tr.asks(source(1), start), MaxAnnouncements)
	require.True(t, tr.Overloaded(source(1)))
	require.False(t, tr.Overloaded(source(2)))

	for peer := 10; tr.Len() < maxTotal; peer++ {
		for i := range MaxAnnouncements {
			tr.Announce(source(peer), Name{Hash: chainhash.Hash{byte(i), byte(i >> 8), byte(peer), 1}}, start)
		}
	}
	require.False(t, tr.MayAnnounce(source(1), 1))
	require.True(t, tr.MayAnnounce(source(2), 1000), "who has less than its share has room")
	require.False(t, tr.MayAnnounce(source(2), MaxAnnouncements))
}

func worker(peer int64) string { return []string{"worker.1", "worker.2", "worker.3"}[peer%3] }

// A worker that makes up peers, whatever they have announced, keeps neither the peers
// of another one nor a newcomer among its own from announcing.
func TestOneWorkerLeavesRoomForOthers(t *testing.T) {
	tr, n := New(rand.IntN), 0
	announce := func(s Source) bool {
		n++
		return tr.Announce(s, Name{Hash: chainhash.Hash{byte(n), byte(n >> 8), byte(n >> 16), 1}}, start)
	}
	flood := func(peers int) {
		for range peers {
			for made := source(1000 + n); announce(made); {
			}
		}
	}
	flood(162)
	require.Greater(t, tr.Len(), 2*maxTotal-MaxAnnouncements)
	honest := preferred(1)
	honest.Peer.Worker = "worker.2"
	for range MaxAnnouncements {
		require.True(t, announce(honest))
	}
	flood(300)
	require.LessOrEqual(t, tr.Len(), 2*maxTotal)
	require.Equal(t, MaxAnnouncements, tr.Count(honest.Peer), "who has the most loses it")
	require.True(t, announce(source(1)), "a newcomer among many")
	require.False(t, tr.MayAnnounce(source(1), MaxAnnouncements))
}

// consistent compares the sums with what is there.
func (tr *Tracker) consistent(t *testing.T) {
	t.Helper()
	total, inFlight := 0, map[*peer]int{}
	for hash, tx := range tr.txs {
		require.Equal(t, hash, tx.hash)
		open := 0
		for _, a := range tx.by {
			total++
			require.Same(t, a, a.peer.by[hash])
			require.Same(t, a.peer, tr.peers[a.peer.holder])
			require.Equal(t, a.failed, a.at < 0)
			if !a.failed {
				open++
			}
		}
		require.NotZero(t, open)
		better := 0
		for _, a := range tx.by {
			if a.preferred && !a.failed {
				better++
			}
		}
		require.Equal(t, better, tx.better)
		if tx.requested != nil {
			require.False(t, tx.requested.failed)
			inFlight[tx.requested.peer]++
		}
	}
	require.Equal(t, total, tr.total)
	crews, peers := 0, 0
	for worker, c := range tr.crews {
		crews, peers = crews+c.total, peers+len(c.peers)
		for p := range c.peers {
			require.Equal(t, worker, p.holder.Worker)
			require.Same(t, p, tr.peers[p.holder])
		}
	}
	require.Equal(t, []int{total, len(tr.peers)}, []int{crews, peers})
	for h, p := range tr.peers {
		require.Equal(t, h, p.holder)
		require.NotEmpty(t, p.by)
		require.Equal(t, inFlight[p], p.inFlight)
		total -= len(p.by)
		for i, a := range p.due {
			require.Equal(t, i, a.at)
		}
	}
	require.Zero(t, total)
}

// Whatever happens in whatever order, the sums are right, one peer at a time is
// asked for a transaction, and in the end each that can be had is had.
func TestAnyOrderOfEvents(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		tr, now := New(rand.IntN), start
		asked := map[chainhash.Hash]download.Holder{}
		come := func(s Source) {
			for _, n := range tr.Come(s.Peer, now, func(n Name) bool { return n.Hash[0] == 7 }).Ask {
				if tx := tr.txs[n.Hash]; tx != nil {
					require.Equal(t, s.Peer, tx.requested.peer.holder)
				}
				asked[n.Hash] = s.Peer
			}
		}
		for range 2000 {
			s, n := source(rng.IntN(9)), name(rng.IntN(60))
			s.Peer.Worker = worker(s.Peer.Peer)
			s.Preferred = s.Peer.Peer < 3
			switch rng.IntN(13) {
			case 0, 1, 2, 3:
				tr.Announce(s, n, now.Add(time.Duration(rng.IntN(4))*time.Second))
			case 4, 5, 6:
				come(s)
			case 7:
				if h, ok := asked[n.Hash]; ok {
					tr.Failed(h, n.Hash, now)
				}
			case 8:
				tr.Failed(s.Peer, n.Hash, now)
			case 9:
				tr.Forget(n.Hash)
			case 10:
				now = now.Add(time.Duration(rng.IntN(20_000)) * time.Millisecond)
			case 11:
				if tr.Len() > 0 && rng.IntN(10) == 0 {
					before := tr.Len()
					tr.relieve()
					require.Less(t, tr.Len(), before)
				}
			case 12:
				if rng.IntN(10) == 0 {
					for _, h := range tr.Gone(func(h download.Holder) bool { return h == s.Peer || h.Peer == 8 }, now) {
						require.NotContains(t, []int64{s.Peer.Peer, 8}, h.Peer)
					}
					require.Zero(t, tr.Count(s.Peer))
				}
			}
			if rng.IntN(20) == 0 {
				tr.consistent(t)
			}
		}
		for range 12 { // everybody fails, or is late
			now = now.Add(2 * Patience)
			for p := range 9 {
				come(Source{Peer: download.Holder{Worker: worker(int64(p)), Peer: int64(p)}})
			}
			tr.consistent(t)
		}
		require.Zero(t, tr.Len())
	}
}
