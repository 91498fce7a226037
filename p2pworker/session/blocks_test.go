package session

import (
	"errors"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

func TestInitialBlockDownload(t *testing.T) {
	cfg := inboundConfig()
	cfg.Type = p2p.Manual
	cfg.Tip.Initial = true
	b := established(t, cfg)
	genesis := chainhash.Hash{1}
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{genesis}})
	b.logged("initial getheaders (0) to peer=0")
	require.Equal(t, []string{"getheaders"}, b.types())

	// A full batch asks for more, a short one ends the sync.
	raw, hashes := chainOf(genesis, 2100)
	b.receive("headers", encodeHeaders(raw[:2000*wire.MaxBlockHeaderPayload]))
	got := answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{New: 2000, Last: hashes[1999], Height: 2000, Download: true})
	require.Equal(t, raw[:2000*wire.MaxBlockHeaderPayload], got.First())
	require.Equal(t, []string{"getheaders"}, b.types())
	b.receive("headers", encodeHeaders(raw[2000*wire.MaxBlockHeaderPayload:]))
	answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{New: 100, Last: hashes[2099], Height: 2100, Download: true})
	require.Equal(t, []string{"sendheaders"}, b.types())

	// Blocks are leased, requested in one getdata and submitted as they come.
	// A node that fails us is asked again later.
	answer[p2p.LeaseRequest](b, nil)
	require.False(t, b.asked(p2p.LeaseRequest{}))
	b.tickAfter(nodeRetry)
	delivered := 0
	for delivered < len(hashes) {
		if !b.asked(p2p.LeaseRequest{}) {
			b.tickAfter(leaseRetry)
		}
		next := hashes[delivered:]
		var want int
		for _, r := range b.asks {
			if l, ok := r.Body.(p2p.LeaseRequest); ok {
				want = min(l.Max, len(next))
				require.LessOrEqual(t, l.Max, MaxBlocksInFlight)
			}
		}
		answer[p2p.LeaseRequest](b, p2p.LeaseReply{Hashes: next[:want], Seconds: 60})
		require.Equal(t, []string{"getdata"}, b.types())
		for range want {
			b.receive("block", blockOf(raw, delivered))
			answer[p2p.SubmitBlockRequest](b, p2p.SubmitReply{Hash: hashes[delivered], New: true})
			delivered++
		}
	}
	require.Greater(t, b.s.down.window(), MinBlocksInFlight, "tiny blocks widen the window")
	answer[p2p.LeaseRequest](b, p2p.LeaseReply{})
	b.tickAfter(time.Second)
	require.False(t, b.asked(p2p.LeaseRequest{}), "nothing left to ask for")
	require.Nil(t, b.gone)
	require.Empty(t, b.s.down.inFlight)
}

func TestPongWaitsForBlocksBeforeIt(t *testing.T) {
	b := established(t, inboundConfig())
	raw, hashes := chainOf(chainhash.Hash{1}, 3)
	announce(b, raw, hashes)
	answer[p2p.LeaseRequest](b, p2p.LeaseReply{Hashes: hashes, Seconds: 60})
	b.types()
	b.receive("block", blockOf(raw, 0))
	b.receive("block", blockOf(raw, 1))
	b.receive("ping", make([]byte, 8))
	b.receive("block", blockOf(raw, 2))
	require.Len(t, submissions(b), 2, "blocks are pipelined, but not past a ping")
	require.Empty(t, b.types())
	answer[p2p.SubmitBlockRequest](b, p2p.SubmitReply{Hash: hashes[1], New: true})
	require.Empty(t, b.types())
	answer[p2p.SubmitBlockRequest](b, p2p.SubmitReply{Hash: hashes[0], New: true})
	require.Equal(t, []string{"pong"}, b.types())
	require.Len(t, submissions(b), 1)
}

func submissions(b *bench) (list []p2p.SubmitBlockRequest) {
	for _, r := range b.asks {
		if s, ok := r.Body.(p2p.SubmitBlockRequest); ok {
			list = append(list, s)
		}
	}
	return list
}

func TestHeldMessagesAreBoundedByFull(t *testing.T) {
	b := established(t, inboundConfig())
	b.receive("tx", make([]byte, 100))
	n := 0
	for ; !b.s.Full(); n++ {
		b.receive("ping", make([]byte, 8))
	}
	require.LessOrEqual(t, n, MaxHeldMessages)
	b.types()
	answer[p2p.SubmitTxRequest](b, p2p.SubmitReply{})
	require.Len(t, b.types(), n, "each ping is answered once its turn has come")
	require.False(t, b.s.Full())
}

func TestMisbehavingPeersThatAreNotPunished(t *testing.T) {
	noban, manual, local := inboundConfig(), inboundConfig(), inboundConfig()
	noban.Permissions |= p2p.NoBan
	manual.Type = p2p.Manual
	local.Local = true
	for _, tt := range []struct {
		cfg  Config
		log  string
		gone bool
	}{
		{noban, "Not punishing noban peer 0!", false},
		{manual, "Not punishing manually connected peer 0!", false},
		{local, "Warning: disconnecting but not discouraging local peer 0!", true},
	} {
		b := established(t, tt.cfg)
		b.receive("inv", append(appendSize(nil, 50001), make([]byte, 50001*36)...))
		b.logged("Misbehaving: peer=0: inv message size = 50001")
		b.logged(tt.log)
		require.Equal(t, tt.gone, b.gone != nil)
		require.False(t, tt.gone && b.gone.Discourage)
	}
}

func TestMutatedBlockIsMisbehaviour(t *testing.T) {
	b := established(t, inboundConfig())
	raw, _ := chainOf(chainhash.Hash{1}, 1)
	b.receive("block", blockOf(raw, 0))
	answer[p2p.SubmitBlockRequest](b, p2p.SubmitReply{Mutated: true})
	b.logged("Received mutated block from peer=0")
	require.NotNil(t, b.gone)
}

// A peer that came to us may be on a branch of which we know that it is
// invalid; one that we chose is of no use there.
func TestKnownInvalidBlocksAreHeldAgainstOurOwnChoice(t *testing.T) {
	outbound := inboundConfig()
	outbound.Type = p2p.FullRelay
	for _, cfg := range []Config{inboundConfig(), outbound} {
		raw, _ := chainOf(chainhash.Hash{1}, 1)
		b := established(t, cfg)
		b.receive("block", blockOf(raw, 0))
		answer[p2p.SubmitBlockRequest](b, p2p.SubmitReply{Reject: "duplicate-invalid", Misbehaving: true})
		require.Equal(t, cfg.Type == p2p.FullRelay, b.gone != nil)

		b = established(t, cfg)
		b.receive("headers", encodeHeaders(raw))
		answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{Reject: "duplicate-invalid", Misbehaving: true})
		require.Equal(t, cfg.Type == p2p.FullRelay, b.gone != nil)
	}
}

func TestBlockThatCannotBeReadIsIgnored(t *testing.T) {
	b := established(t, inboundConfig())
	raw, _ := chainOf(chainhash.Hash{1}, 1)
	b.receive("block", append(raw[:wire.MaxBlockHeaderPayload:wire.MaxBlockHeaderPayload], 0xfd, 1, 0, 0))
	b.logged("ProcessMessages(block, 84 bytes): Exception 'non-canonical ReadCompactSize()'")
	require.False(t, b.asked(p2p.SubmitBlockRequest{}))
	b.receive("block", blockOf(raw, 0))
	answer[p2p.SubmitBlockRequest](b, p2p.SubmitReply{Malformed: true, Reject: "too short"})
	b.logged("ProcessMessages(block, 81 bytes): Exception 'too short' (malformed message) caught")
	require.Nil(t, b.gone)
}

// submitting returns a session whose peer owes us the second of two blocks, while
// the first is with the node.
func submitting(t *testing.T) (b *bench, blocks []chainhash.Hash) {
	b = established(t, inboundConfig())
	raw, hashes := chainOf(chainhash.Hash{1}, 2)
	b.receive("headers", encodeHeaders(raw))
	answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{Last: hashes[1], Height: 2, Download: true})
	answer[p2p.LeaseRequest](b, p2p.LeaseReply{Hashes: hashes, Seconds: 60})
	b.receive("block", blockOf(raw, 0))
	return b, hashes
}

func TestBlockTimeoutSparesPeersThatWaitForUs(t *testing.T) {
	b, hashes := submitting(t)
	b.tickAfter(2 * time.Minute)
	require.Nil(t, b.gone, "the block is with the node")
	answer[p2p.SubmitBlockRequest](b, p2p.SubmitReply{New: true})
	b.tickAfter(2 * time.Minute)
	b.logged("Timeout downloading block " + hashes[1].String() + ", disconnecting peer=0")
	require.NotNil(t, b.gone)
}

func TestServing(t *testing.T) {
	b := established(t, inboundConfig())
	raw, hashes := chainOf(chainhash.Hash{1}, 2)
	b.receive("getheaders", encodeLocator(hashes[:1], chainhash.Hash{}))
	req := answer[p2p.FindHeadersRequest](b, headersReply(raw[wire.MaxBlockHeaderPayload:]))
	require.Equal(t, hashes[:1], req.Locator)
	require.Equal(t, encodeHeaders(raw[wire.MaxBlockHeaderPayload:]), b.sent[0].Payload)
	b.types()

	list := []wire.InvVect{
		{Type: wire.InvTypeTx, Hash: chainhash.Hash{7}},
		{Type: wire.InvTypeWitnessBlock, Hash: hashes[0]},
		{Type: 77, Hash: chainhash.Hash{8}},
		{Type: invWtx, Hash: chainhash.Hash{9}},
	}
	b.receive("getdata", encodeInventory(list))
	b.receive("ping", make([]byte, 8))
	require.Equal(t, p2p.FetchTxRequest{Hash: chainhash.Hash{7}}, answer[p2p.FetchTxRequest](b, p2p.FetchReply{}))
	require.Equal(t, p2p.FetchBlockRequest{Hash: hashes[0], Witness: true}, answer[p2p.FetchBlockRequest](b, p2p.FetchReply{Found: true, Frames: multipart.One([]byte{1})}))
	require.Equal(t, p2p.FetchTxRequest{Hash: chainhash.Hash{9}, Wtxid: true, Witness: true}, answer[p2p.FetchTxRequest](b, p2p.FetchReply{Found: true, Frames: multipart.One([]byte{2})}))
	require.Equal(t, []string{"block", "tx", "notfound", "pong"}, b.types())

	b.receive("getblocks", encodeLocator(nil, chainhash.Hash{}))
	answer[p2p.FindBlocksRequest](b, p2p.LocatorReply{Hashes: hashes})
	require.Equal(t, []string{"inv"}, b.types())
	b.receive("getheaders", encodeLocator(make([]chainhash.Hash, 102), chainhash.Hash{}))
	b.logged("getheaders locator size 102 > 101, disconnecting peer=0")
}

func TestFailedRequestsDoNotStopTheSession(t *testing.T) {
	b := established(t, inboundConfig())
	b.receive("tx", make([]byte, 100))
	b.receive("ping", make([]byte, 8))
	b.step(Reply{ID: b.asks[len(b.asks)-1].ID, Err: errors.New("the node is gone")})
	require.Contains(t, b.types(), "pong")
	b.step(Reply{ID: 999999})
	require.Nil(t, b.gone)
}
