package session

import (
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// The node may have loaded its chain after the session began, and it may lack
// blocks of headers that it has. The peer's answer must not be empty.
func TestHeaderSyncBeginsBelowTheBestHeader(t *testing.T) {
	for _, height := range []int32{0, 200} {
		cfg := inboundConfig()
		cfg.Type = p2p.Manual
		cfg.Tip.HeaderHeight = height
		b := established(t, cfg)
		best, below := chainhash.Hash{2}, chainhash.Hash{1}
		answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{best, below}})
		require.Len(t, b.sent, 1)
		require.Equal(t, "getheaders", b.sent[0].Type)
		require.Equal(t, encodeLocator([]chainhash.Hash{below}, chainhash.Hash{}), b.sent[0].Payload)
	}
}

func TestBadHeaders(t *testing.T) {
	raw, _ := chainOf(chainhash.Hash{1}, 3)
	broken := append(append([]byte{}, raw[:wire.MaxBlockHeaderPayload]...), raw[2*wire.MaxBlockHeaderPayload:]...)
	for _, tt := range []struct {
		name    string
		payload []byte
		log     string
	}{
		{"too many", appendSize(nil, 2001), "Misbehaving: peer=0: headers message size = 2001"},
		{"gap", encodeHeaders(broken), "Misbehaving: peer=0: non-continuous headers sequence"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := established(t, inboundConfig())
			b.receive("headers", tt.payload)
			b.logged(tt.log)
			require.True(t, b.gone.Discourage)
		})
	}
	t.Run("refused by the node", func(t *testing.T) {
		b := established(t, inboundConfig())
		b.receive("headers", encodeHeaders(raw))
		answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{Reject: "header with invalid proof of work", Misbehaving: true})
		b.logged("Misbehaving: peer=0: header with invalid proof of work")
		require.NotNil(t, b.gone)
	})
	t.Run("unconnecting", func(t *testing.T) {
		b := established(t, inboundConfig())
		b.receive("headers", encodeHeaders(raw))
		answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{Unconnecting: true})
		answer[p2p.LocatorRequest](b, p2p.LocatorReply{}) // of the initial sync
		answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{9}}})
		require.Equal(t, []string{"getheaders"}, b.types(), "one getheaders at a time")
		require.Nil(t, b.gone)
	})
}

func TestAnnounceBlocksByHeadersOnlyIfTheyConnect(t *testing.T) {
	b := established(t, inboundConfig())
	raw, hashes := chainOf(chainhash.Hash{1}, 12)
	tip := func(from, to int) TipChanged {
		e := TipChanged{Tip: p2p.Tip{Height: int32(to), Hash: hashes[to-1]}}
		for i := from; i < to; i++ {
			e.Headers = append(e.Headers, raw[i*wire.MaxBlockHeaderPayload:(i+1)*wire.MaxBlockHeaderPayload])
		}
		return e
	}
	b.step(tip(0, 1))
	require.Equal(t, []string{"inv"}, b.types(), "no sendheaders yet")
	b.receive("sendheaders", nil)
	b.step(tip(1, 2))
	require.Equal(t, []string{"inv"}, b.types(), "the peer is not known to have the parent")
	b.receive("getheaders", encodeLocator(hashes[:1], chainhash.Hash{}))
	answer[p2p.FindHeadersRequest](b, headersReply(raw[wire.MaxBlockHeaderPayload:2*wire.MaxBlockHeaderPayload]))
	b.types()
	b.step(tip(2, 3))
	require.Equal(t, encodeHeaders(raw[2*wire.MaxBlockHeaderPayload:3*wire.MaxBlockHeaderPayload]), b.sent[0].Payload)
	require.Equal(t, []string{"headers"}, b.types())
	b.step(tip(3, 12))
	require.Equal(t, []string{"inv"}, b.types(), "nine headers are too many to announce")
	b.receive("inv", encodeInventory([]wire.InvVect{{Type: wire.InvTypeBlock, Hash: hashes[11]}}))
	b.types()
	b.step(tip(11, 12))
	require.Empty(t, b.types(), "the peer told us of it")
}

func TestSyncBeginsAnewWithANodeThatForgot(t *testing.T) {
	b := established(t, inboundConfig())
	raw, hashes := chainOf(chainhash.Hash{1}, 2)
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	b.receive("headers", encodeHeaders(raw))
	answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{Last: hashes[1], Height: 2, Download: true})
	answer[p2p.LeaseRequest](b, p2p.LeaseReply{Hashes: hashes, Seconds: 60})
	require.Equal(t, []int32{1, 2}, b.s.Report(b.now).InFlight)
	b.types()
	b.step(NodeRestarted{})
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	require.Equal(t, []string{"getheaders"}, b.types())
	b.receive("headers", encodeHeaders(raw))
	answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{Last: hashes[1], Height: 2, Download: true})
	answer[p2p.LeaseRequest](b, p2p.LeaseReply{Hashes: hashes, Seconds: 60})
	require.Empty(t, b.types(), "blocks on their way are not requested twice")
}

func TestUnansweredGetHeadersIsRepeatedAfterAnAnnouncement(t *testing.T) {
	b := established(t, inboundConfig())
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	require.Equal(t, []string{"getheaders"}, b.types())
	b.receive("inv", encodeInventory([]wire.InvVect{{Type: wire.InvTypeBlock, Hash: chainhash.Hash{5}}}))
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	require.Empty(t, b.types(), "one getheaders at a time")
	b.tickAfter(announcedRetry + time.Millisecond)
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	require.Contains(t, b.types(), "getheaders")
	b.tickAfter(announcedRetry + time.Millisecond)
	require.False(t, b.asked(p2p.LocatorRequest{}), "once an announcement")
}

// A block that is announced while headers are on their way may be too new for
// them: it is asked for once more, and once only.
func TestAnnouncementOvertakesHeaders(t *testing.T) {
	cfg := inboundConfig()
	cfg.Type = p2p.Manual
	b := established(t, cfg)
	genesis := chainhash.Hash{1}
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{genesis}})
	require.Equal(t, []string{"getheaders"}, b.types())
	raw, hashes := chainOf(genesis, 3)
	b.receive("inv", encodeInventory([]wire.InvVect{{Type: wire.InvTypeBlock, Hash: hashes[2]}}))
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{genesis}})
	require.Empty(t, b.types(), "one request at a time")
	b.receive("headers", encodeHeaders(raw[:2*wire.MaxBlockHeaderPayload]))
	answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{New: 2, Last: hashes[1], Height: 2})
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{hashes[1]}})
	require.Contains(t, b.types(), "getheaders")
	b.receive("headers", encodeHeaders(nil))
	require.False(t, b.asked(p2p.LocatorRequest{}))
}

// Headers that have yet to show their work are asked for from where the node says,
// and leave no trace but the height that is reported.
func TestHeadersShowTheirWorkBeforeTheyAreKept(t *testing.T) {
	cfg := inboundConfig()
	cfg.Permissions = p2p.NoBan
	b := established(t, cfg)
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	b.types()
	raw, hashes := chainOf(chainhash.Hash{1}, 2000)
	locator := []chainhash.Hash{hashes[1999], {1}}
	b.receive("headers", encodeHeaders(raw))
	req := answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{LowWork: true, Presync: &p2p.Presync{Height: 2000, Locator: locator}})
	require.True(t, req.Trusted)
	got, _, _ := (&reader{b: b.sent[0].Payload}).locator()
	require.Equal(t, locator, got)
	require.Equal(t, []string{"getheaders"}, b.types())
	require.Equal(t, int32(2000), b.s.Report(b.now).Presynced)
	require.Equal(t, int32(-1), b.s.Report(b.now).SyncedHeaders)

	// The second time some are kept, and more asked for.
	b.receive("headers", encodeHeaders(raw))
	answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{New: 10, Last: hashes[9], Height: 10, Presync: &p2p.Presync{Height: -1, Locator: locator}})
	got, _, _ = (&reader{b: b.sent[0].Payload}).locator()
	require.Equal(t, locator, got)
	require.Equal(t, []string{"getheaders"}, b.types())
	require.Equal(t, int32(-1), b.s.Report(b.now).Presynced)
	require.Equal(t, int32(10), b.s.Report(b.now).SyncedHeaders)

	// One that ends in the middle, as it has grown since, is asked for anew at once.
	b.receive("headers", encodeHeaders(raw))
	answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{LowWork: true, Presync: &p2p.Presync{Height: 2000, Locator: locator}})
	require.Equal(t, []string{"getheaders"}, b.types())
	b.receive("headers", encodeHeaders(raw))
	answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{Unconnecting: true})
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: locator})
	require.Empty(t, b.types(), "an announcement in between")
	b.receive("headers", encodeHeaders(raw))
	answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{Unconnecting: true, Ended: true})
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: locator})
	require.Equal(t, []string{"getheaders"}, b.types())
	require.Equal(t, int32(-1), b.s.Report(b.now).Presynced)

	// A chain that ends with too little work is left alone.
	b.receive("headers", encodeHeaders(raw[:80]))
	answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{LowWork: true})
	require.Empty(t, b.types())
	require.Nil(t, b.gone)
}

// A chain that ends with too little work each time it is asked for is not asked for
// without end, whatever the peer announces on it.
func TestHeadersOfLittleWorkAreNotAskedForWithoutEnd(t *testing.T) {
	b := established(t, inboundConfig())
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	b.types()
	raw, hashes := chainOf(chainhash.Hash{1}, 2001)
	locator := []chainhash.Hash{hashes[1999], {1}}
	pass := func() {
		t.Helper()
		b.receive("headers", encodeHeaders(raw[:2000*80]))
		answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{LowWork: true, Presync: &p2p.Presync{Height: 2000, Locator: locator}})
		require.Equal(t, []string{"getheaders"}, b.types())
		b.receive("headers", encodeHeaders(raw[2000*80:]))
		answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{Unconnecting: true, Ended: true})
	}
	announced := func() {
		b.receive("headers", encodeHeaders(raw[2000*80:]))
		answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{Unconnecting: true})
		answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	}
	for range 2 {
		pass()
		answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
		require.Equal(t, []string{"getheaders"}, b.types(), "it may have grown")
		pass()
		require.Empty(t, b.types())
		require.Equal(t, int32(-1), b.s.Report(b.now).Presynced)
		announced()
		b.tickAfter(headersResponseTime - time.Second)
		require.NotContains(t, b.types(), "getheaders")
		b.tickAfter(2 * time.Second)
		answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
		require.Contains(t, b.types(), "getheaders", "after a while it may be another chain")
	}
	require.Nil(t, b.gone)
}

// A block that is announced and known needs no headers: the peer has what is
// missing before it.
func TestAKnownAnnouncementNeedsNoHeaders(t *testing.T) {
	for _, download := range []bool{true, false} {
		b := established(t, inboundConfig())
		answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
		b.receive("headers", encodeHeaders(nil))
		b.types()
		b.receive("inv", encodeInventory([]wire.InvVect{{Type: wire.InvTypeBlock, Hash: chainhash.Hash{5}}}))
		req := answer[p2p.LocatorRequest](b, p2p.LocatorReply{Known: true, Download: download})
		require.Equal(t, chainhash.Hash{5}, req.Announced)
		require.Empty(t, b.types())
		require.Equal(t, download, b.asked(p2p.LeaseRequest{}))
	}
}

// While another peer tells the headers of an old chain, this one waits for its turn.
func TestHeadersAreAskedForInTurn(t *testing.T) {
	b := established(t, inboundConfig())
	require.Equal(t, p2p.LocatorRequest{Begin: true}, answer[p2p.LocatorRequest](b, p2p.LocatorReply{Wait: true}))
	b.types()
	b.tickAfter(headersRetry - time.Second)
	require.False(t, b.asked(p2p.LocatorRequest{}))
	b.step(p2p.PeerEvent{Headers: true})
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Wait: true})
	b.tickAfter(headersRetry)
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	require.Contains(t, b.types(), "getheaders")
	b.step(p2p.PeerEvent{Headers: true})
	require.False(t, b.asked(p2p.LocatorRequest{}), "it has begun")

	b = established(t, inboundConfig())
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Wait: true, Patience: 1500})
	b.tickAfter(time.Second)
	require.False(t, b.asked(p2p.LocatorRequest{}))
	b.tickAfter(500 * time.Millisecond)
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	require.Contains(t, b.types(), "getheaders", "it was told when")
}

// The permission to begin may overtake the answer that there is none yet.
func TestThePermissionToBeginOvertakesTheRefusal(t *testing.T) {
	b := established(t, inboundConfig())
	b.step(p2p.PeerEvent{Headers: true})
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Wait: true})
	require.True(t, b.asked(p2p.LocatorRequest{}), "at once")
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Wait: true})
	require.False(t, b.asked(p2p.LocatorRequest{}), "once for each permission")
}
