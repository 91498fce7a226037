package throttle

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

var start = time.Unix(1_700_000_000, 0)

// mover is a connection that moves as much as it is leased.
type mover struct {
	id    int64
	ready time.Time
	has   int
	moved int
}

// move lets connections move all they can for a time, in steps of a millisecond, and
// returns what they moved together.
func move(l *Ledger, now *time.Time, over time.Duration, class p2p.TrafficClass, movers ...*mover) (total int) {
	for end := now.Add(over); now.Before(end); *now = now.Add(time.Millisecond) {
		for _, m := range movers {
			if now.Before(m.ready) {
				continue
			}
			m.moved += m.has
			total += m.has
			lease := l.Lease(*now, p2p.LeaseTrafficRequest{Peer: m.id, Direction: p2p.Up, Class: class, Bytes: 1 << 20})
			m.has, m.ready = lease.Bytes, now.Add(time.Duration(lease.WaitMicros)*time.Microsecond)
		}
	}
	return total
}

func movers(l *Ledger, n int) (list []*mover) {
	for i := range n {
		l.Open(int64(i), "", false)
		list = append(list, &mover{id: int64(i)})
	}
	return list
}

// The rate is kept by any number of busy connections, which have equal parts of it.
func TestTheTotalIsKeptAndShared(t *testing.T) {
	for _, rate := range []int64{20_000, 1_000_000, 50_000_000} {
		for _, n := range []int{1, 3, 40} {
			l, now := New(), start
			l.SetTotal(now, p2p.Rates{p2p.Up: rate})
			busy := movers(l, n)
			move(l, &now, 20*time.Second, p2p.BlockTraffic, busy...) // the allowance of quiet ones is over then
			for _, m := range busy {
				m.moved = 0
			}
			got := move(l, &now, 20*time.Second, p2p.BlockTraffic, busy...)
			require.InEpsilon(t, 20*rate, got, 0.03, "%d connections at %d", n, rate)
			for _, m := range busy {
				require.InEpsilon(t, got/n, m.moved, 0.6, "%d connections at %d", n, rate)
			}
		}
	}
}

// A change acts on the next lease, whatever has been promised before.
func TestAChangeActsAtOnce(t *testing.T) {
	l, now := New(), start
	l.SetTotal(now, p2p.Rates{p2p.Up: 1000})
	busy := movers(l, 10)
	move(l, &now, 10*time.Second, p2p.BlockTraffic, busy...)
	l.SetTotal(now, p2p.Rates{p2p.Up: 10_000_000})
	for _, m := range busy {
		m.ready, m.has = now, 0
	}
	require.InEpsilon(t, 10_000_000, move(l, &now, time.Second, p2p.BlockTraffic, busy...), 0.1)
	l.SetTotal(now, p2p.Rates{})
	require.False(t, l.Meter(0).Limited())
}

// A class has its own limit, others do not feel it; a profile that is exempt feels
// only its own.
func TestClassesAndProfiles(t *testing.T) {
	l, now := New(), start
	l.SetClass(now, p2p.TxTraffic, p2p.Rates{p2p.Up: 10_000})
	l.SetTotal(now, p2p.Rates{p2p.Up: 1_000_000})
	l.SetProfile(now, "local", p2p.Rates{p2p.Up: 5_000_000})
	l.Open(1, "", false)
	l.Open(2, "local", true)
	public, local := &mover{id: 1}, &mover{id: 2}
	move(l, &now, 20*time.Second, p2p.TxTraffic, public)
	require.InEpsilon(t, 100_000, move(l, &now, 10*time.Second, p2p.TxTraffic, public), 0.6, "a quiet connection has 4 KiB a second besides")
	require.InEpsilon(t, 10_000_000, move(l, &now, 10*time.Second, p2p.BlockTraffic, public), 0.05)
	require.InEpsilon(t, 50_000_000, move(l, &now, 10*time.Second, p2p.TxTraffic, local), 0.05)
	require.Equal(t, p2p.Meter{Leased: [2]bool{p2p.Up: true}, Classes: [2]uint8{p2p.Up: 1 << p2p.TxTraffic}}, l.Meter(1))
	require.Equal(t, p2p.Meter{Leased: [2]bool{p2p.Up: true}}, l.Meter(2))
}

// What is urgent does not wait, and is made up for by what is not.
func TestUrgentBytesGoFirst(t *testing.T) {
	l, now := New(), start
	l.SetTotal(now, p2p.Rates{p2p.Up: 100_000})
	busy := movers(l, 1)
	move(l, &now, 10*time.Second, p2p.BlockTraffic, busy...)
	urgent := p2p.LeaseTrafficRequest{Peer: 0, Direction: p2p.Up, Class: p2p.BlockTraffic, Bytes: 1_000_000, Urgent: true}
	require.Equal(t, p2p.LeaseTrafficReply{Bytes: 1_000_000}, l.Lease(now, urgent))
	require.Less(t, move(l, &now, 9*time.Second, p2p.BlockTraffic, busy...), 100_000)
	require.Greater(t, move(l, &now, 5*time.Second, p2p.BlockTraffic, busy...), 300_000)
}

// Workers in a stranger's hands that call everything urgent move no more than the rate,
// in the long run, and leave others half of it.
func TestUrgencyHasABound(t *testing.T) {
	const rate = 1_000_000
	l, now := New(), start
	l.SetTotal(now, p2p.Rates{p2p.Up: rate})
	busy := movers(l, 20)
	honest, taken := busy[0], 0
	for range 60 {
		for _, m := range busy[1:] {
			if lease := l.Lease(now, p2p.LeaseTrafficRequest{Peer: m.id, Direction: p2p.Up, Bytes: 500_000, Urgent: true}); lease.WaitMicros == 0 {
				taken += lease.Bytes
			}
		}
		move(l, &now, time.Second, p2p.BlockTraffic, honest)
	}
	require.Less(t, taken, spareBurst+60*rate*3/4)
	honest.moved = 0
	move(l, &now, 2*time.Minute, p2p.BlockTraffic, honest)
	require.Positive(t, honest.moved)
}

// upload asks for bytes to be sent at once, and returns what need not wait.
func upload(l *Ledger, now time.Time, id int64, class p2p.TrafficClass, n int, urgent bool) int {
	if r := l.Lease(now, p2p.LeaseTrafficRequest{Peer: id, Direction: p2p.Up, Class: class, Bytes: n, Urgent: urgent}); r.WaitMicros == 0 {
		return r.Bytes
	}
	return 0
}

// Who has used up what it may overdraw takes nothing from others by asking on.
func TestARefusalCostsNobody(t *testing.T) {
	const rate = 1_000_000
	l, now := New(), start
	l.SetTotal(now, p2p.Rates{p2p.Up: rate})
	movers(l, 3)
	honest := 0
	for range 60 {
		for range 400 {
			upload(l, now, 1, p2p.BlockTraffic, quietStep, true)
			upload(l, now, 1, p2p.TxTraffic, quietStep, false)
		}
		honest += upload(l, now, 2, p2p.BlockTraffic, 100_000, true)
		now = now.Add(time.Second)
	}
	require.Equal(t, 60*100_000, honest)

	quiet := l.accounts[0].quietBucket(p2p.Up)
	before := quiet.limiter.TokensAt(now)
	l.total[p2p.Up].calm.Take(now, rate)
	upload(l, now, 0, p2p.TxTraffic, quietStep, false)
	require.Equal(t, before, quiet.limiter.TokensAt(now), "that all together are not quiet is not this one's fault")
}

// The limit of a class is kept also by what does not wait, be the limit of all traffic
// as high as can be, or none.
func TestALimitOfAClassIsKeptByAll(t *testing.T) {
	const rate = 100_000
	for _, total := range []int64{0, 100 * rate} {
		l, now := New(), start
		l.SetTotal(now, p2p.Rates{p2p.Up: total})
		l.SetClass(now, p2p.TxTraffic, p2p.Rates{p2p.Up: rate})
		l.SetClass(now, p2p.BlockTraffic, p2p.Rates{p2p.Up: rate})
		quiet, urgent := 0, 0
		busy := movers(l, 100)
		for range 60 {
			for _, m := range busy {
				quiet += upload(l, now, m.id, p2p.TxTraffic, 3000, false)
				urgent += upload(l, now, m.id, p2p.BlockTraffic, urgentBurst, true)
			}
			now = now.Add(time.Second)
		}
		require.Less(t, quiet, 60*rate*3/2)
		require.Less(t, urgent, spareSeconds*rate+60*rate)
	}
}

// A change of the limits gives nobody back what it has overdrawn.
func TestAChangeForgivesNoUrgentBytes(t *testing.T) {
	l, now := New(), start
	l.SetTotal(now, p2p.Rates{p2p.Up: 1_000_000})
	l.Open(1, "", false)
	require.Equal(t, urgentBurst, upload(l, now, 1, p2p.BlockTraffic, urgentBurst, true))
	l.SetTotal(now, p2p.Rates{p2p.Up: 2_000_000})
	require.Equal(t, quietStep, upload(l, now, 1, p2p.BlockTraffic, urgentBurst, true), "what any quiet one has")
	now = now.Add(9 * time.Second)
	require.Equal(t, urgentBurst, upload(l, now, 1, p2p.BlockTraffic, urgentBurst, true), "it comes back at the new rate")
}

// Whatever a worker asks for, it is granted no more than it asks for, and nothing for
// connections that there are not.
func TestLeasesOfAnything(t *testing.T) {
	const seed = 7
	random := rand.New(rand.NewPCG(seed, seed))
	l, now := New(), start
	l.SetTotal(now, p2p.Rates{1, 1 << 40})
	l.Open(1, "x", false)
	for range 10_000 {
		now = now.Add(time.Duration(random.Int64N(int64(time.Second))))
		r := p2p.LeaseTrafficRequest{Peer: random.Int64N(3), Direction: p2p.Direction(random.IntN(4)), Class: p2p.TrafficClass(random.IntN(8)),
			Bytes: int(random.Int64()) * (1 - 2*random.IntN(2)), Urgent: random.IntN(2) == 0, ClassOnly: random.IntN(2) == 0}
		got := l.Lease(now, r)
		require.LessOrEqual(t, got.Bytes, max(r.Bytes, 0), "seed %d: %+v", seed, r)
		require.GreaterOrEqual(t, got.WaitMicros, int64(0))
		require.LessOrEqual(t, got.Bytes, urgentBurst)
		if r.Peer != 1 {
			require.Zero(t, got)
		}
	}
	require.Zero(t, l.Lease(now, p2p.LeaseTrafficRequest{Peer: 1, Bytes: math.MinInt}))
}
