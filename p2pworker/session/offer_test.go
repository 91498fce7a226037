package session

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"
)

func getData(kind wire.InvType, hash chainhash.Hash) []byte {
	return encodeInventory([]wire.InvVect{{Type: kind, Hash: hash}})
}

// What we do not offer to a peer we do not serve to it.
func TestBlocksThatAreNotOfferedAreNotServed(t *testing.T) {
	for messageType, payload := range map[string][]byte{
		"getdata":     getData(wire.InvTypeWitnessBlock, chainhash.Hash{9}),
		"getblocktxn": append(append([]byte{}, make([]byte, 32)...), 1, 0),
	} {
		cfg := inboundConfig()
		cfg.Services = wire.SFNodeCF | wire.SFNodeWitness
		b := established(t, cfg)
		b.receive(messageType, payload)
		require.NotNil(t, b.gone, messageType)
		require.Equal(t, p2p.AsksForUnserved, b.gone.Code)
		require.False(t, b.asked(p2p.FetchBlockRequest{}) || b.asked(p2p.FetchBlockTxsRequest{}))
	}
	for services, limited := range map[wire.ServiceFlag]bool{
		wire.SFNodeNetworkLimited: true, wire.SFNodeNetwork | wire.SFNodeNetworkLimited: false,
	} {
		cfg := inboundConfig()
		cfg.Services = services
		b := established(t, cfg)
		b.receive("getdata", getData(wire.InvTypeWitnessBlock, chainhash.Hash{9}))
		require.Equal(t, limited, answer[p2p.FetchBlockRequest](b, p2p.FetchReply{}).Limited)
	}
}

// The last blocks, headers and pings may overtake what waits; older blocks, and what
// tells a peer that all before has been answered, may not.
func TestWhatMayOvertake(t *testing.T) {
	b := established(t, inboundConfig())
	b.types()
	// The node says which: a peer that has heard of the newest elsewhere may ask for it
	// before we are told of it.
	for _, first := range []bool{true, false} {
		b.sent = nil
		b.receive("getdata", getData(wire.InvTypeWitnessBlock, chainhash.Hash{9}))
		answer[p2p.FetchBlockRequest](b, p2p.FetchReply{Found: true, AtTip: first, Frames: multipart.One(make([]byte, 100))})
		require.Equal(t, []Send{{Type: "block", Payload: make([]byte, 100), First: first}}, b.sent)
	}
	b.sent = nil
	b.receive("ping", make([]byte, 8))
	b.step(PingNow{})
	require.Equal(t, "pong", b.sent[0].Type)
	require.False(t, b.sent[0].First)
	require.Equal(t, "ping", b.sent[1].Type)
	require.True(t, b.sent[1].First)
}

// Headers overtake as announcements, and as answers that are no longer: those of a whole
// chain wait as blocks do.
func TestOldHeadersDoNotOvertake(t *testing.T) {
	b := established(t, inboundConfig())
	for n, first := range map[int]bool{0: true, maxHeadersAnnounced: true, maxHeadersAnnounced + 1: false, maxHeaders: false} {
		b.sent = nil
		raw, _ := chainOf(chainhash.Hash{1}, n)
		b.receive("getheaders", encodeLocator(nil, chainhash.Hash{}))
		answer[p2p.FindHeadersRequest](b, headersReply(raw))
		require.Equal(t, "headers", b.sent[0].Type)
		require.Equal(t, first, b.sent[0].First, n)
	}
}

// A peer is not blamed for what we do not read.
func TestAPeerIsNotBlamedForALimitOfOurs(t *testing.T) {
	held := true
	cfg := inboundConfig()
	cfg.HeldUp = func() bool { return held }
	b := established(t, cfg)
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	raw, hashes := chainOf(chainhash.Hash{1}, 1)
	announce(b, raw, hashes)
	answer[p2p.LeaseRequest](b, p2p.LeaseReply{Hashes: hashes, Seconds: 60})
	b.step(p2p.PeerEvent{Stalls: true})
	for range 10 {
		b.tickAfter(time.Minute)
	}
	require.Nil(t, b.gone)
	held = false
	b.step(p2p.PeerEvent{Stalls: true})
	require.NotNil(t, b.gone)
	require.Equal(t, p2p.StallsDownload, b.gone.Code)
}

// owing is a peer that owes a block, and whose messages we hold up.
func owing(t *testing.T) *bench {
	cfg := inboundConfig()
	cfg.HeldUp = func() bool { return true }
	b := established(t, cfg)
	b.s.requestBlocks(p2p.LeaseReply{Hashes: []chainhash.Hash{{7}}, Seconds: 60})
	return b
}

// livesOn lets time pass, in which the peer answers pings and nothing else.
func (b *bench) livesOn(d time.Duration) {
	b.tickAfter(d)
	b.receive("pong", binary.LittleEndian.AppendUint64(nil, b.s.ping.nonce))
}

// Who sends anything else, so that it is always held up, is excused for a while only,
// and for so many bytes.
func TestAFloodIsNoExcuse(t *testing.T) {
	b := owing(t)
	for end := b.now.Add(2 * maxHeldUp); b.gone == nil && b.now.Before(end); {
		b.livesOn(time.Minute)
	}
	require.NotNil(t, b.gone)
	require.Equal(t, p2p.BlockTimeout, b.gone.Code)

	b = owing(t)
	for range 2*maxAhead/p2p.MaxMessage + 1 {
		b.receive("unknown", make([]byte, p2p.MaxMessage))
	}
	b.step(p2p.PeerEvent{Stalls: true})
	require.NotNil(t, b.gone)
	require.Equal(t, p2p.StallsDownload, b.gone.Code)
}

// The headers of a peer are waited for as its blocks are.
func TestALeadThatIsHeldUpIsExcused(t *testing.T) {
	cfg := inboundConfig()
	cfg.HeldUp = func() bool { return true }
	b := established(t, cfg)
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}, Patience: (15 * time.Minute).Milliseconds()})
	for range 40 {
		b.livesOn(time.Minute)
		require.False(t, b.asked(p2p.LocatorRequest{}), b.now)
	}
	for range 10 {
		b.livesOn(time.Minute)
	}
	require.True(t, answer[p2p.LocatorRequest](b, p2p.LocatorReply{Late: true}).Overdue)
	require.NotNil(t, b.gone)
}
