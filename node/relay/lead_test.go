package relay

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/download"
)

// One peer at a time is asked for all its headers; the next when it has told them,
// is gone, says nothing, or takes too long.
func TestOnePeerLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const patience = 10 * time.Minute
		first, second, third := download.Holder{Worker: "worker.1", Peer: 1}, download.Holder{Worker: "worker.2", Peer: 2}, download.Holder{Worker: "worker.2", Peer: 3}
		l := &lead{waiting: map[download.Holder]struct{}{}}
		is := func(h download.Holder) func(download.Holder) bool {
			return func(other download.Holder) bool { return other == h }
		}
		require.True(t, l.begin(first, patience))
		require.True(t, l.begin(first, patience), "again, after its request was lost")
		require.False(t, l.begin(second, patience))
		require.Empty(t, l.end(is(second)), "it does not lead")
		require.Equal(t, []download.Holder{second}, l.end(is(first)))
		require.True(t, l.begin(second, patience))
		require.False(t, l.begin(third, patience))
		require.Equal(t, []download.Holder{third}, l.forget(is(second)))

		require.True(t, l.begin(first, patience))
		<-time.After(leadIdle)
		require.True(t, l.begin(second, patience), "the first says nothing")
		for range 12 {
			<-time.After(50 * time.Second)
			l.goesOn(second)
			l.goesOn(third) // which changes nothing
		}
		require.True(t, l.begin(third, patience), "it takes too long")
		require.False(t, l.begin(first, patience))
		require.Empty(t, l.forget(is(first)), "who waited is gone")
		require.Empty(t, l.waiting)
		for i := range 2 * maxSyncs {
			l.begin(download.Holder{Peer: int64(i)}, patience)
		}
		require.Len(t, l.waiting, maxSyncs)
	})
}

// Of an old chain one peer tells the headers, of a recent one all.
func TestHeadersOfAnOldChainComeFromOnePeer(t *testing.T) {
	tip := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(3, 0)
	now := tip.Time() + headersRecent + 1
	r := newRelayAt(t, func() int64 { return now })
	begin := func(peer int64) bool {
		reply, err := r.getLocator(t.Context(), p2p.LocatorRequest{Peer: peer, Begin: true})
		require.NoError(t, err)
		require.Equal(t, reply.Wait, len(reply.Hashes) == 0)
		return !reply.Wait
	}
	require.True(t, begin(1))
	require.False(t, begin(2))
	other, err := r.getLocator(t.Context(), p2p.LocatorRequest{})
	require.NoError(t, err)
	require.False(t, other.Wait, "an announcement is followed all the same")
	raw, _ := headersOf(tip)
	r.headers(t, p2p.SubmitHeadersRequest{Peer: 1}, raw[:80])
	require.True(t, begin(2), "the first has told all")
	require.False(t, begin(3))
	_, err = r.release(t.Context(), p2p.ReleaseRequest{Peer: 2})
	require.NoError(t, err)
	require.True(t, begin(3))
	require.False(t, begin(4))
	r.WorkerGone("")
	require.True(t, begin(4))
	r.headers(t, p2p.SubmitHeadersRequest{Peer: 9}, raw)
	now = tip.Time() + headersRecent - 1
	require.True(t, begin(5), "the chain is recent")
}
