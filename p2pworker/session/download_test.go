package session

import (
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// announce lets the peer announce headers that are worth their blocks.
func announce(b *bench, raw []byte, hashes []chainhash.Hash) {
	b.t.Helper()
	b.receive("headers", encodeHeaders(raw))
	answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{New: len(hashes), Last: hashes[len(hashes)-1], Height: 2, Download: true})
}

// synced is a session whose first getheaders was sent, and answered with
// nothing.
func synced(t *testing.T) *bench {
	b := established(t, inboundConfig())
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	b.receive("headers", encodeHeaders(nil))
	b.types()
	return b
}

// "Nothing" as the answer to an older question does not end a download that
// has grown meanwhile.
func TestBlockAnnouncedWhileALeaseIsAskedForIsFetched(t *testing.T) {
	b := synced(t)
	raw, hashes := chainOf(chainhash.Hash{1}, 2)
	b.s.tip.Initial = true // the peer's messages do not wait for the lease
	announce(b, raw[:wire.MaxBlockHeaderPayload], hashes[:1])
	require.True(t, b.asked(p2p.LeaseRequest{}))
	announce(b, raw[wire.MaxBlockHeaderPayload:], hashes[1:])
	first := answer[p2p.LeaseRequest](b, p2p.LeaseReply{})
	require.Equal(t, hashes[0], first.Best)
	second := answer[p2p.LeaseRequest](b, p2p.LeaseReply{Hashes: hashes[1:], Seconds: 60})
	require.Equal(t, hashes[1], second.Best)
	require.Contains(t, b.types(), "getdata")
}

// When the tip falls back, a branch that was not worth its blocks may be.
func TestPeersBranchIsFetchedWhenOurTipFalls(t *testing.T) {
	b := synced(t)
	raw, hashes := chainOf(chainhash.Hash{1}, 2)
	b.step(TipChanged{Tip: p2p.Tip{Height: 5, Hash: chainhash.Hash{5}}})
	b.receive("headers", encodeHeaders(raw))
	answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{New: 2, Last: hashes[1], Height: 2})
	require.False(t, b.asked(p2p.LeaseRequest{}))
	b.step(TipChanged{Tip: p2p.Tip{Height: 1, Hash: chainhash.Hash{1}}})
	require.Equal(t, hashes[1], answer[p2p.LeaseRequest](b, p2p.LeaseReply{Hashes: hashes, Seconds: 60}).Best)
}

// A node that finds stored blocks damaged asks the peer for them, even if the
// peer has nothing new to announce.
func TestLostBlocksAreFetchedAgain(t *testing.T) {
	b := synced(t)
	raw, hashes := chainOf(chainhash.Hash{1}, 2)
	tip := p2p.Tip{Height: 5, Hash: chainhash.Hash{5}}
	b.step(TipChanged{Tip: tip})
	b.receive("headers", encodeHeaders(raw))
	answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{New: 2, Last: hashes[1], Height: 2})
	b.step(TipChanged{Tip: tip})
	require.False(t, b.asked(p2p.LeaseRequest{}))
	tip.Lost = 1
	b.step(TipChanged{Tip: tip})
	require.Equal(t, hashes[1], answer[p2p.LeaseRequest](b, p2p.LeaseReply{Hashes: hashes[:1], Seconds: 60}).Best)
}

// While old blocks are missing, every peer is asked for them, and we offer none.
func TestOldBlocksAreMissing(t *testing.T) {
	b := synced(t)
	raw, hashes := chainOf(chainhash.Hash{1}, 2)
	b.step(TipChanged{Tip: p2p.Tip{Height: 5, Hash: chainhash.Hash{5}}})
	b.receive("headers", encodeHeaders(raw))
	answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{New: 2, Last: hashes[1], Height: 2})
	require.False(t, b.asked(p2p.LeaseRequest{}))
	b.step(TipChanged{Tip: p2p.Tip{Height: 6, Hash: chainhash.Hash{6}, Partial: true}})
	require.Equal(t, hashes[1], answer[p2p.LeaseRequest](b, p2p.LeaseReply{Hashes: hashes, Seconds: 60}).Best)

	cfg := inboundConfig()
	cfg.Type, cfg.Tip.Partial = p2p.Manual, true
	var m wire.MsgVersion
	require.NoError(t, m.BtcDecode(newBuffer(newBench(t, cfg).sent[0].Payload), 70016, wire.WitnessEncoding))
	require.Equal(t, wire.SFNodeNetworkLimited|wire.SFNodeWitness, m.Services)
}

// A block that was not requested may have an unknown parent that comes just
// before it.
func TestUnrequestedBlocksGoToTheNodeOneByOne(t *testing.T) {
	b := synced(t)
	raw, hashes := chainOf(chainhash.Hash{1}, 2)
	b.receive("block", blockOf(raw, 0))
	b.receive("block", blockOf(raw, 1))
	require.Len(t, submissions(b), 1)
	answer[p2p.SubmitBlockRequest](b, p2p.SubmitReply{Hash: hashes[0], New: true})
	require.Len(t, submissions(b), 1)
	answer[p2p.SubmitBlockRequest](b, p2p.SubmitReply{Hash: hashes[1], New: true})
}

// A block whose headers could not be asked for is not forgotten.
func TestAnnouncementSurvivesAFailureOfTheNode(t *testing.T) {
	b := synced(t)
	b.receive("inv", encodeInventory([]wire.InvVect{{Type: wire.InvTypeBlock, Hash: chainhash.Hash{5}}}))
	answer[p2p.LocatorRequest](b, nil) // fails
	require.Empty(t, b.types())
	b.tickAfter(nodeRetry)
	answer[p2p.LocatorRequest](b, nil)
	b.tickAfter(nodeRetry)
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	require.Contains(t, b.types(), "getheaders")
}

// Headers that do not connect, while an answer is awaited that may not close
// the gap, lead to another request.
func TestUnconnectedHeadersDuringARequestAreAskedForAgain(t *testing.T) {
	b := established(t, inboundConfig())
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	b.types()
	raw, hashes := chainOf(chainhash.Hash{1}, 3)
	b.receive("headers", encodeHeaders(raw[2*wire.MaxBlockHeaderPayload:]))
	answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{Unconnecting: true})
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	require.NotContains(t, b.types(), "getheaders")
	announce(b, raw[:wire.MaxBlockHeaderPayload], hashes[:1])
	answer[p2p.LeaseRequest](b, p2p.LeaseReply{Hashes: hashes[:1], Seconds: 60})
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: hashes[:1]})
	require.Contains(t, b.types(), "getheaders")
}

// Headers that the node could not look at, or refused, do not block the way
// for the next ones.
func TestHeadersAreAskedForAfterAFailure(t *testing.T) {
	b := synced(t)
	raw, _ := chainOf(chainhash.Hash{1}, 1)
	b.receive("headers", encodeHeaders(raw))
	answer[p2p.SubmitHeadersRequest](b, nil) // fails
	b.tickAfter(nodeRetry)
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	require.Contains(t, b.types(), "getheaders")
	b.receive("headers", encodeHeaders(raw))
	answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{Reject: "time-too-new"})
	b.receive("inv", encodeInventory([]wire.InvVect{{Type: wire.InvTypeBlock, Hash: chainhash.Hash{5}}}))
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	require.Contains(t, b.types(), "getheaders")
}

// A peer that serves no blocks is asked for headers once, and owes few blocks.
func TestPeerWithoutBlocksIsUsedForWhatItAnnouncesOnly(t *testing.T) {
	b := newBench(t, inboundConfig())
	b.receive("version", versionMessage(70016, wire.SFNodeWitness, 5, true))
	b.receive("verack", nil)
	b.tickAfter(time.Second)
	require.NotContains(t, b.types(), "getheaders")
	inv := func(n byte) {
		b.receive("inv", encodeInventory([]wire.InvVect{{Type: wire.InvTypeBlock, Hash: chainhash.Hash{n}}}))
	}
	inv(5)
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	require.Equal(t, []string{"getheaders"}, b.types())
	b.s.down.averageSize = 1
	raw, hashes := chainOf(chainhash.Hash{1}, 20)
	announce(b, raw, hashes)
	require.Equal(t, MinBlocksInFlight, answer[p2p.LeaseRequest](b, p2p.LeaseReply{Hashes: hashes[:MinBlocksInFlight], Seconds: 60}).Max)
	inv(6)
	require.False(t, b.asked(p2p.LocatorRequest{}))
}

// Serving a block tells nothing about the headers that the peer has; nor does
// an answer that ends where the peer wished.
func TestHeadersAreNotAnnouncedAboveBlocksThatThePeerFetched(t *testing.T) {
	b := synced(t)
	b.receive("sendheaders", nil)
	raw, hashes := chainOf(chainhash.Hash{1}, 4)
	header := func(i int) []byte { return raw[i*wire.MaxBlockHeaderPayload : (i+1)*wire.MaxBlockHeaderPayload] }
	tip := func(i int) p2p.Tip { return p2p.Tip{Height: int32(i), Hash: hashes[i]} }
	b.step(TipChanged{Tip: tip(2), Headers: [][]byte{header(0), header(1), header(2)}})
	require.Equal(t, []string{"inv"}, b.types())
	b.receive("getdata", encodeInventory([]wire.InvVect{{Type: wire.InvTypeBlock, Hash: hashes[2]}}))
	answer[p2p.FetchBlockRequest](b, p2p.FetchReply{Found: true, Frames: multipart.One(blockOf(raw, 2))})
	b.receive("getheaders", encodeLocator([]chainhash.Hash{{1}}, hashes[0]))
	answer[p2p.FindHeadersRequest](b, headersReply(header(0)))
	require.Equal(t, []string{"block", "headers"}, b.types())
	b.step(TipChanged{Tip: tip(3), Headers: [][]byte{header(3)}})
	require.Equal(t, []string{"inv"}, b.types())
}

// A change of the tip that was missed is told by the state after it.
func TestMissedTipIsAnnounced(t *testing.T) {
	b := synced(t)
	b.step(TipChanged{Tip: p2p.Tip{Height: 3, Hash: chainhash.Hash{3}}})
	require.Equal(t, []string{"inv"}, b.types())
	b.step(TipChanged{Tip: p2p.Tip{Height: 2, Hash: chainhash.Hash{2}}})
	require.Empty(t, b.types(), "a block that left the chain is no news")
}

// Our version message went out before the node had read its files; then comes its chain,
// held for old at first: no block joins it, and the peer would take us for one that has
// nothing.
func TestTipThatIsKnownOnlyAfterTheHandshakeIsAnnounced(t *testing.T) {
	b := newBench(t, inboundConfig())
	b.step(TipChanged{})
	b.receive("version", versionMessage(70016, fullServices, 5, true))
	b.receive("verack", nil)
	b.types()
	b.step(TipChanged{Tip: p2p.Tip{Height: 7, Hash: chainhash.Hash{7}, Initial: true}})
	require.NotContains(t, b.types(), "inv")
	b.step(TipChanged{Tip: p2p.Tip{Height: 7, Hash: chainhash.Hash{7}}})
	require.Contains(t, b.types(), "inv")
	b.step(TipChanged{Tip: p2p.Tip{Height: 7, Hash: chainhash.Hash{7}, Lost: 1}})
	require.NotContains(t, b.types(), "inv")
}

func TestTipThatChangedDuringTheHandshakeIsAnnounced(t *testing.T) {
	b := newBench(t, inboundConfig())
	b.receive("version", versionMessage(70016, fullServices, 5, true))
	b.step(TipChanged{Tip: p2p.Tip{Height: 3, Hash: chainhash.Hash{3}}})
	b.types()
	b.receive("verack", nil)
	require.Contains(t, b.types(), "inv")
}

// A ping behind headers is answered after their blocks were requested, even if
// a lease was asked for just before.
func TestPongComesAfterTheRequestForAnnouncedBlocks(t *testing.T) {
	b := synced(t)
	raw, hashes := chainOf(chainhash.Hash{1}, 1)
	b.s.down.active = true // as after a block
	b.tickAfter(100 * time.Millisecond)
	require.True(t, b.asked(p2p.LeaseRequest{}))
	announce(b, raw, hashes)
	b.receive("ping", make([]byte, 8))
	require.NotContains(t, b.types(), "pong")
	answer[p2p.LeaseRequest](b, p2p.LeaseReply{})
	require.NotContains(t, b.types(), "pong")
	require.Equal(t, hashes[0], answer[p2p.LeaseRequest](b, p2p.LeaseReply{Hashes: hashes, Seconds: 60}).Best)
	require.Equal(t, []string{"getdata", "pong"}, b.types())
}

// What is granted is asked for, however many leases are on their way at once: the node
// would give it to nobody else.
func TestWhatIsGrantedIsAskedFor(t *testing.T) {
	b := synced(t)
	raw, hashes := chainOf(chainhash.Hash{1}, MaxBlocksInFlight+100)
	b.s.down.averageSize = 100
	b.s.down.active = true
	b.tickAfter(100 * time.Millisecond)
	announce(b, raw[len(raw)-wire.MaxBlockHeaderPayload:], hashes[len(hashes)-1:])
	var sizes []int
	for _, r := range b.asks {
		if lease, ok := r.Body.(p2p.LeaseRequest); ok {
			sizes = append(sizes, lease.Max)
		}
	}
	require.Equal(t, []int{MaxBlocksInFlight - orderedLease, orderedLease}, sizes)
	granted := 0
	for _, size := range sizes {
		answer[p2p.LeaseRequest](b, p2p.LeaseReply{Hashes: hashes[granted : granted+size], Seconds: 60})
		granted += size
		require.Len(t, b.s.down.inFlight, granted)
	}
	require.False(t, b.asked(p2p.LeaseRequest{}), "there is no room")
}

// The node says when the whole download waits for this peer, and when there is more
// to fetch from it.
func TestTheNodeTellsOfTheDownload(t *testing.T) {
	b := established(t, inboundConfig())
	raw, hashes := chainOf(chainhash.Hash{1}, 1)
	announce(b, raw, hashes)
	b.step(p2p.PeerEvent{Stalls: true})
	require.Nil(t, b.gone, "it owes nothing")
	answer[p2p.LeaseRequest](b, p2p.LeaseReply{Retry: true})
	b.step(p2p.PeerEvent{Fetch: true})
	answer[p2p.LeaseRequest](b, p2p.LeaseReply{Hashes: hashes, Seconds: 60})
	b.step(p2p.PeerEvent{Stalls: true})
	b.logged("Peer is stalling block download, disconnecting peer=0")
	require.NotNil(t, b.gone)
}

// What a user wants from this peer is requested once, whole, and is due in a minute.
func TestADemandedBlockIsRequested(t *testing.T) {
	b := synced(t)
	wanted := chainhash.Hash{7}
	b.step(p2p.PeerEvent{Demand: &p2p.BlockDemand{Hash: wanted}})
	require.Equal(t, encodeInventory([]wire.InvVect{{Type: wire.InvTypeWitnessBlock, Hash: wanted}}), b.sent[len(b.sent)-1].Payload)
	b.types()
	b.step(p2p.PeerEvent{Demand: &p2p.BlockDemand{Hash: wanted}})
	require.Empty(t, b.types())
	b.tickAfter(demandTime)
	require.Nil(t, b.gone)
	b.tickAfter(1)
	require.NotNil(t, b.gone)
	require.Equal(t, p2p.BlockTimeout, b.gone.Code)
}
