package feed

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

func numbered(n int) waiting {
	return waiting{p2p.TxAnnouncement{Wtxid: chainhash.Hash{byte(n), byte(n >> 8)}}, 200, time.Time{}}
}

// best is take after what is to be put in order was.
func (l *limit) best(now time.Time, best func([]chainhash.Hash) []chainhash.Hash) []p2p.TxAnnouncement {
	if some := l.begin(now); some != nil {
		l.finish(len(some), inOrder(some, best))
	}
	return l.take(now)
}

// In the long run as many go as the rate says, half a minute's at once, and of those
// that wait the best first.
func TestTheRateOfAnnouncementsIsBounded(t *testing.T) {
	const perSecond = 10
	l, now := newLimit(perSecond, 1), time.Unix(1_700_000_000, 0)
	latestFirst := func(wtxids []chainhash.Hash) []chainhash.Hash {
		slices.Reverse(wtxids)
		return slices.DeleteFunc(wtxids, func(h chainhash.Hash) bool { return h == numbered(500).tx.Wtxid })
	}
	require.Empty(t, l.best(now, latestFirst))
	for i := range 1000 {
		l.add(numbered(i))
	}
	first := l.best(now, latestFirst)
	require.Len(t, first, perSecond*(burstSeconds+floorSeconds))
	require.Equal(t, numbered(999).tx, first[0])
	require.Empty(t, l.best(now.Add(floorSeconds*time.Second), latestFirst), "what went beyond is made up for")
	taken := map[chainhash.Hash]bool{}
	for _, tx := range first {
		taken[tx.Wtxid] = true
	}
	for second := range 60 {
		for _, tx := range l.best(now.Add(time.Duration(floorSeconds+second)*time.Second), latestFirst) {
			require.False(t, taken[tx.Wtxid])
			taken[tx.Wtxid] = true
		}
	}
	require.InDelta(t, perSecond*(burstSeconds+floorSeconds+60), len(taken), 2*perSecond*floorSeconds)
	require.False(t, taken[numbered(500).tx.Wtxid], "it is not in the mempool any more")
}

// While there is room the order is that of arrival, and nobody is asked for a better
// one. Bytes are bounded, too, and so is what waits.
func TestBoundsOfAnnouncements(t *testing.T) {
	l, now := newLimit(1000, outboundFactor), time.Unix(1_700_000_000, 0)
	l.add(numbered(1))
	l.add(numbered(2))
	require.Equal(t, []p2p.TxAnnouncement{numbered(1).tx, numbered(2).tx}, l.best(now, nil))
	for i := range 5 {
		w := numbered(i)
		w.size = bytesAtFirst / 2
		l.add(w)
	}
	require.Len(t, l.best(now, nil), 3, "a little beyond the bound")
	require.Equal(t, 2, l.state().Backlog)
	require.Negative(t, l.state().Bytes)
	for range 3 * maxBacklog {
		l.add(numbered(3))
	}
	require.Len(t, l.backlog, 2*maxBacklog)
}

// Of too many those that pay the least are dropped, not those that come last, though
// none may go now.
func TestTheWorstAreNotAnnounced(t *testing.T) {
	l, now := newLimit(1, 1), time.Unix(1_700_000_000, 0)
	l.count.value = -1
	for i := range maxBacklog + 1 {
		w := waiting{p2p.TxAnnouncement{FeeRate: int64(i)}, 200, time.Time{}}
		binary.LittleEndian.PutUint32(w.tx.Wtxid[:], uint32(i))
		l.add(w)
	}
	latestFirst := func(wtxids []chainhash.Hash) []chainhash.Hash {
		slices.Reverse(wtxids)
		return wtxids
	}
	require.Empty(t, l.best(now, latestFirst))
	require.Len(t, l.backlog, keptBacklog)
	require.EqualValues(t, maxBacklog, l.backlog[0].tx.FeeRate)
	require.Empty(t, l.best(now, nil), "it is not sorted again")
}

// What comes while others are put in order waits behind them.
func TestNothingGoesWhileTheBacklogIsSorted(t *testing.T) {
	l, now := newLimit(1, 1), time.Unix(1_700_000_000, 0)
	const atOnce = burstSeconds + floorSeconds
	for i := range atOnce + 1 {
		l.add(numbered(i))
	}
	require.Empty(t, l.take(now), "it is to be put in order first")
	some := l.begin(now)
	l.add(numbered(999))
	require.Empty(t, l.take(now))
	require.Equal(t, atOnce+2, l.state().Backlog)
	l.finish(len(some), some[1:])
	require.Len(t, l.take(now), atOnce)
	require.Equal(t, []waiting{numbered(999)}, l.backlog)
}

// What has waited may have been replaced meanwhile: it is looked at again even if there
// is room for all of it.
func TestWhatWaitedIsLookedAtAgain(t *testing.T) {
	l, now := newLimit(1, 1), time.Unix(1_700_000_000, 0)
	without := func(gone int) func([]chainhash.Hash) []chainhash.Hash {
		return func(wtxids []chainhash.Hash) []chainhash.Hash {
			return slices.DeleteFunc(wtxids, func(h chainhash.Hash) bool { return h == numbered(gone).tx.Wtxid })
		}
	}
	const atOnce = burstSeconds + floorSeconds
	for i := range atOnce {
		l.add(numbered(i))
	}
	require.Len(t, l.best(now, nil), atOnce)
	l.add(numbered(100))
	l.add(numbered(101))
	require.Empty(t, l.best(now, nil))
	require.Equal(t, []p2p.TxAnnouncement{numbered(101).tx}, l.best(now.Add(time.Minute), without(100)))
	l.add(numbered(102))
	require.Len(t, l.best(now.Add(2*time.Minute), nil), 1, "it did not wait")
}
