package p2pworker

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/throttle"
)

// ledgered is a valve at a ledger of its own.
func ledgered(ctx context.Context, l *throttle.Ledger) *valve {
	l.Open(1, "", false)
	return newValve(ctx, 1, l.Meter(1), func(_ context.Context, r p2p.LeaseTrafficRequest) (p2p.LeaseTrafficReply, error) {
		return l.Lease(time.Now(), r), nil
	})
}

// admitAll passes n bytes of a class.
func (v *valve) admitAll(d p2p.Direction, c p2p.TrafficClass, n int, urgent bool) {
	for n > 0 {
		n -= v.Admit(d, c, n, urgent, nil)
	}
}

// settle counts messages that were received.
func (v *valve) settle(c p2p.TrafficClass, sizes ...int) {
	for _, n := range sizes {
		v.Settle(c, n, func() bool { return false }, nil)
	}
}

// A valve passes bytes at the rate of the manager, of its own, or of the class; one
// without limits asks nobody.
func TestAValveKeepsRates(t *testing.T) {
	for name, set := range map[string]func(*throttle.Ledger){
		"total": func(l *throttle.Ledger) { l.SetTotal(time.Now(), p2p.Rates{1_000_000, 1_000_000}) },
		"class": func(l *throttle.Ledger) { l.SetClass(time.Now(), p2p.BlockTraffic, p2p.Rates{1_000_000, 1_000_000}) },
		"peer":  func(l *throttle.Ledger) { l.SetPeer(1, p2p.Rates{1_000_000, 1_000_000}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := throttle.New()
				v := ledgered(t.Context(), l)
				require.False(t, v.Paced(p2p.Up) || v.Paced(p2p.Down))
				require.Equal(t, 1<<20, v.Admit(p2p.Up, p2p.BlockTraffic, 1<<20, false, nil))
				set(l)
				v.set(l.Meter(1))
				require.True(t, v.Paced(p2p.Up) && v.Paced(p2p.Down))
				began := time.Now()
				v.admitAll(p2p.Up, p2p.BlockTraffic, 20_000_000, false)
				require.InEpsilon(t, 20, time.Since(began).Seconds(), 0.03)
				began = time.Now()
				v.admitAll(p2p.Down, p2p.OtherTraffic, 10_000_000, false)
				v.settle(p2p.BlockTraffic, 10_000_000, 1)
				require.InEpsilon(t, 10, time.Since(began).Seconds(), 0.03)
				require.True(t, v.heldUp())
			})
		})
	}
}

// Where a rate of its own is below what is leased, no more is leased than passes: the
// rest would be missing to others.
func TestAnOwnRateWastesNoLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := throttle.New()
		l.SetTotal(time.Now(), p2p.Rates{10_000_000, 10_000_000})
		v := ledgered(t.Context(), l)
		leased, ask := 0, v.ask
		v.ask = func(ctx context.Context, r p2p.LeaseTrafficRequest) (p2p.LeaseTrafficReply, error) {
			reply, err := ask(ctx, r)
			leased += reply.Bytes
			return reply, err
		}
		l.SetPeer(1, p2p.Rates{p2p.Up: 100_000})
		v.set(l.Meter(1))
		v.admitAll(p2p.Up, p2p.BlockTraffic, 1_000_000, false)
		require.InEpsilon(t, 1_000_000, leased, 0.01)

		hurry := make(chan struct{}, 1)
		for range 100 {
			hurry <- struct{}{}
			v.Admit(p2p.Up, p2p.BlockTraffic, 5000, false, hurry)
		}
		require.Less(t, leased, 1_020_000, "what is put off passes later")
	})
}

// What is read in small messages keeps an own rate as exactly: what was admitted and did
// not come is not charged.
func TestAnOwnRateOfSmallReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate, message = 1_000_000, 100
		l := throttle.New()
		v := ledgered(t.Context(), l)
		l.SetPeer(1, p2p.Rates{p2p.Down: rate})
		v.set(l.Meter(1))
		for _, urgent := range []bool{false, true} {
			began := time.Now()
			for range 3 * rate / message {
				v.Refund(p2p.Down, p2p.OtherTraffic, v.Admit(p2p.Down, p2p.OtherTraffic, 64<<10, urgent, nil)-message)
			}
			if urgent {
				require.Zero(t, time.Since(began), "of 4 MB that need not wait")
			} else {
				require.InDelta(t, 3, time.Since(began).Seconds(), 0.2)
			}
		}
	})
}

// What is urgent passes by an own rate as well, but no more than a minute's bytes at
// once, and no more than the rate in the long run: what comes after waits for a while,
// not for hours.
func TestUrgentBytesHaveABoundUnderAnOwnRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 10_000
		l := throttle.New()
		v := ledgered(t.Context(), l)
		l.SetPeer(1, p2p.Rates{p2p.Up: rate})
		v.set(l.Meter(1))
		began := time.Now()
		v.admitAll(p2p.Up, p2p.BlockTraffic, 50*rate, true)
		require.Zero(t, time.Since(began))
		v.admitAll(p2p.Up, p2p.BlockTraffic, 950*rate, true)
		require.InDelta(t, 1000, time.Since(began).Seconds(), 90)
		began = time.Now()
		v.admitAll(p2p.Up, p2p.OtherTraffic, 60, false)
		require.Less(t, time.Since(began), 90*time.Second)
	})
}

// A message that its class has no room for holds up the next one of its class, not the
// headers in between; nor does anything wait while the peer owes us the tip, but for
// what is more than a little.
func TestAClassDoesNotHoldUpTheTip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 10_000
		l := throttle.New()
		l.SetClass(time.Now(), p2p.TxTraffic, p2p.Rates{p2p.Down: rate})
		v := ledgered(t.Context(), l)
		began := time.Now()
		v.settle(p2p.TxTraffic, 10*rate)
		v.settle(p2p.OtherTraffic, 82)
		require.Zero(t, time.Since(began))
		v.settle(p2p.TxTraffic, 10*rate)
		require.InDelta(t, 10, time.Since(began).Seconds(), 1)

		began = time.Now()
		v.Settle(p2p.TxTraffic, 10*rate, func() bool { return true }, nil)
		require.Zero(t, time.Since(began))
		v.Settle(p2p.TxTraffic, maxOwed, func() bool { return true }, nil)
		v.Settle(p2p.TxTraffic, 1, func() bool { return true }, nil)
		require.InDelta(t, 20, time.Since(began).Seconds(), 2)

		began = time.Now()
		urgent, hurry, done := atomic.Bool{}, make(chan struct{}, 1), make(chan struct{})
		go func() {
			v.Settle(p2p.TxTraffic, 1, urgent.Load, hurry)
			close(done)
		}()
		synctest.Wait()
		urgent.Store(true)
		hurry <- struct{}{}
		<-done
		require.Zero(t, time.Since(began), "it has become urgent meanwhile")
	})
}

// Who waits for a low rate goes on when it is raised, in a hurry, and at the end.
func TestAWaitingValveIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		defer end()
		l := throttle.New()
		l.SetTotal(time.Now(), p2p.Rates{1, 1})
		v := ledgered(ctx, l)
		v.admitAll(p2p.Up, p2p.BlockTraffic, 1, false)
		waits := func(hurry chan struct{}) <-chan int {
			done := make(chan int, 1)
			go func() { done <- v.Admit(p2p.Up, p2p.TxTraffic, 5000, false, hurry) }()
			synctest.Wait()
			return done
		}
		began := time.Now()
		done := waits(nil)
		require.Empty(t, done)
		m := l.Meter(1)
		m.Epoch++
		v.set(m)
		require.Zero(t, <-done, "the limits have changed")
		hurry := make(chan struct{}, 1)
		done = waits(hurry)
		hurry <- struct{}{}
		<-done
		done = waits(nil)
		end()
		<-done
		require.Zero(t, time.Since(began))
		require.NotNil(t, v.Closed())
	})
}

// Without a manager nothing passes but what is urgent.
func TestAValveWithoutAManager(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newValve(t.Context(), 1, p2p.Meter{Leased: [2]bool{true, true}}, func(context.Context, p2p.LeaseTrafficRequest) (p2p.LeaseTrafficReply, error) {
			return p2p.LeaseTrafficReply{}, errors.New("away")
		})
		require.Zero(t, v.Admit(p2p.Up, p2p.BlockTraffic, 1000, false, nil))
		began := time.Now()
		require.Equal(t, 1000, v.Admit(p2p.Up, p2p.OtherTraffic, 1000, true, nil))
		require.Zero(t, time.Since(began))
	})
}

// What is leased and not used is used next; limits of an earlier manager come too late.
func TestAValveTakesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		v := newValve(t.Context(), 1, p2p.Meter{Epoch: 5, Leased: [2]bool{true, true}}, func(_ context.Context, r p2p.LeaseTrafficRequest) (p2p.LeaseTrafficReply, error) {
			calls++
			return p2p.LeaseTrafficReply{Bytes: r.Bytes}, nil
		})
		require.Equal(t, 1000, v.Admit(p2p.Down, p2p.OtherTraffic, 1000, false, nil))
		v.Refund(p2p.Down, p2p.OtherTraffic, 990)
		require.Equal(t, 990, v.Admit(p2p.Down, p2p.OtherTraffic, 1000, false, nil))
		require.Equal(t, 1, calls)
		v.set(p2p.Meter{Epoch: 4})
		require.True(t, v.Paced(p2p.Down))
	})
}

// A worker brings a later manager what an earlier one has set for a connection.
func TestWhatAConnectionBringsOfItsLimits(t *testing.T) {
	v := newValve(t.Context(), 1, p2p.Meter{Epoch: 5, Own: p2p.Rates{p2p.Up: 7}}, nil)
	info := (&peer{id: 1, valve: v}).openInfo()
	require.True(t, info.Metered)
	require.EqualValues(t, 5, info.Epoch)
	require.Equal(t, p2p.Rates{p2p.Up: 7}, info.Own)
	v.set(p2p.Meter{Epoch: 6})
	require.False(t, (&peer{id: 1, valve: v}).openInfo().Metered)
}
