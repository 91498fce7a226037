package relay

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/download"
)

// One peer at a time is asked for all its headers; the next when it has told them,
// is gone, says nothing, or takes too long.
func TestOnePeerLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const patience = 10 * time.Minute
		first, second, third := download.Holder{Worker: "worker.1", Peer: 1}, download.Holder{Worker: "worker.2", Peer: 2}, download.Holder{Worker: "worker.2", Peer: 3}
		l := &lead{waiting: map[download.Holder]bool{}}
		is := func(h download.Holder) func(download.Holder) bool {
			return func(other download.Holder) bool { return other == h }
		}
		require.True(t, l.begin(t.Context(), first, false, patience))
		require.True(t, l.begin(t.Context(), first, false, patience), "again, after its request was lost")
		require.False(t, l.begin(t.Context(), second, false, patience))
		require.Empty(t, l.end(is(second)), "it does not lead")
		require.Equal(t, []download.Holder{second}, l.end(is(first)))
		require.True(t, l.begin(t.Context(), second, false, patience))
		require.False(t, l.begin(t.Context(), third, false, patience))
		require.Equal(t, []download.Holder{third}, l.forget(is(second)))

		require.True(t, l.begin(t.Context(), first, false, patience))
		<-time.After(leadIdle)
		require.True(t, l.begin(t.Context(), second, false, patience), "the first says nothing")
		for range 15 {
			<-time.After(50 * time.Second)
			l.goesOn(second)
			l.goesOn(third) // which changes nothing
		}
		require.True(t, l.begin(t.Context(), third, false, patience), "it takes too long")
		require.False(t, l.begin(t.Context(), first, false, patience))
		require.Empty(t, l.forget(is(first)), "who waited is gone")
		require.Empty(t, l.waiting)
		for i := range 2 * maxSyncs {
			l.begin(t.Context(), download.Holder{Peer: int64(i)}, false, patience)
		}
		require.Len(t, l.waiting, maxSyncs)
	})
}

// A stranger may connect before any peer that we chose, and say nothing.
func TestAPeerThatWeChoseDoesNotWaitLongForASilentStranger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stranger, chosen, other := download.Holder{Peer: 1}, download.Holder{Peer: 2}, download.Holder{Peer: 3}
		l := &lead{waiting: map[download.Holder]bool{}}
		require.True(t, l.begin(t.Context(), stranger, false, time.Hour))
		require.False(t, l.begin(t.Context(), other, false, time.Hour))
		require.Zero(t, l.again(false), "another stranger waits for the event")
		require.False(t, l.begin(t.Context(), chosen, true, time.Hour))
		require.Equal(t, leadTrial, l.again(true))
		<-time.After(leadTrial)
		require.False(t, l.begin(t.Context(), other, false, time.Hour))
		require.True(t, l.begin(t.Context(), chosen, true, time.Hour))
		require.False(t, l.begin(t.Context(), other, true, time.Hour), "nor is that one waited for less than others")
		require.Zero(t, l.again(true))

		l = &lead{waiting: map[download.Holder]bool{}}
		require.True(t, l.begin(t.Context(), stranger, false, time.Hour))
		l.goesOn(stranger)
		<-time.After(leadTrial)
		require.False(t, l.begin(t.Context(), chosen, true, time.Hour), "it tells headers")
	})
}

// TestWhoIsTooSlowMakesRoom for a peer that we chose, if one waits.
func TestWhoIsTooSlowMakesRoom(t *testing.T) {
	first, inbound, chosen := download.Holder{Peer: 1}, download.Holder{Peer: 2}, download.Holder{Peer: 3}
	l := &lead{waiting: map[download.Holder]bool{}}
	require.True(t, l.begin(t.Context(), first, false, time.Hour))
	require.False(t, l.begin(t.Context(), inbound, false, time.Hour))
	late, over, wake := l.late(first)
	require.Equal(t, []bool{false, false}, []bool{late, over}, "strangers may be no better")
	require.Empty(t, wake)
	require.False(t, l.begin(t.Context(), chosen, true, time.Hour))
	late, over, _ = l.late(inbound)
	require.Equal(t, []bool{false, true}, []bool{late, over}, "it does not lead")
	late, over, wake = l.late(first)
	require.Equal(t, []bool{true, false}, []bool{late, over})
	require.ElementsMatch(t, []download.Holder{inbound, chosen}, wake)
	require.True(t, l.begin(t.Context(), chosen, true, time.Hour))
}

// TestOneMorePeerABlock is asked for headers when the block is announced.
func TestOneMorePeerABlock(t *testing.T) {
	tip := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(3, 0)
	now := tip.Time() + headersRecent + 1
	r := newRelayAt(t, func() int64 { return now })
	ask := func(req p2p.LocatorRequest) p2p.LocatorReply {
		reply, err := r.getLocator(t.Context(), req)
		require.NoError(t, err)
		return reply
	}
	early := func(peer int64, block byte) bool {
		return !ask(p2p.LocatorRequest{Peer: peer, Announced: chainhash.Hash{block}, Early: true}).Wait
	}
	begun := ask(p2p.LocatorRequest{Peer: 1, Begin: true})
	require.GreaterOrEqual(t, begun.Patience, leadPatience.Milliseconds())
	require.True(t, early(2, 7))
	require.False(t, early(3, 7))
	require.True(t, early(3, 8))
	require.False(t, ask(p2p.LocatorRequest{Peer: 4, Announced: chainhash.Hash{8}}).Wait, "one that has begun")
	require.Equal(t, p2p.LocatorReply{}, ask(p2p.LocatorRequest{Peer: 1, Overdue: true}), "nobody waits")
	require.True(t, ask(p2p.LocatorRequest{Peer: 5, Begin: true, Preferred: true}).Wait)
	require.Equal(t, p2p.LocatorReply{Late: true}, ask(p2p.LocatorRequest{Peer: 1, Overdue: true}))
	require.Equal(t, p2p.LocatorReply{Over: true}, ask(p2p.LocatorRequest{Peer: 1, Overdue: true}))
	raw, hashes := headersOf(tip)
	r.headers(t, p2p.SubmitHeadersRequest{Peer: 9}, raw)
	below := ask(p2p.LocatorRequest{Below: hashes[2]})
	require.Equal(t, hashes[1], below.Hashes[0])
	known := ask(p2p.LocatorRequest{Announced: hashes[2]})
	require.Equal(t, p2p.Work(r.chain.Lookup(hashes[2]).Work.Bytes()), known.Work)
	now = tip.Time() + headersRecent - 1
	require.Zero(t, ask(p2p.LocatorRequest{Peer: 6, Begin: true}).Patience, "the chain is recent")
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

// Another one than the lead may bring the headers of today: nobody waits for the lead
// then.
func TestAllBeginWhenTheHeadersAreOfToday(t *testing.T) {
	r := newCompactRig(t)
	r.at = r.block.Header.Timestamp.Unix() + headersRecent - 1
	require.LessOrEqual(t, r.chain.View().BestHeader.Time, r.at-headersRecent)
	require.True(t, r.lead.begin(t.Context(), download.Holder{Peer: 1}, false, time.Hour))
	require.False(t, r.lead.begin(t.Context(), download.Holder{Peer: 2}, false, time.Hour))
	req := p2p.SubmitHeadersRequest{Peer: 3, Frames: multipart.One(r.block.Raw[:80])}
	reply, err := r.submitHeaders(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, 1, reply.New)
	require.Nil(t, r.lead.peer)
	require.Empty(t, r.lead.waiting)
}
