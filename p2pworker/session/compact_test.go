package session

import (
	"errors"
	"strings"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/recent"
)

func sendCompact(announce byte, version byte) []byte {
	return []byte{announce, version, 0, 0, 0, 0, 0, 0, 0}
}

// compactOf makes the message of a header: enough for a session, which does not
// look behind the nonce.
func compactOf(header []byte) []byte { return append(append([]byte{}, header...), make([]byte, 10)...) }

// compactPeer returns a session at the parent of the blocks of raw, whose peer
// provides compact blocks.
func compactPeer(t *testing.T, n int) (b *bench, raw []byte, hashes []chainhash.Hash) {
	cfg := inboundConfig()
	cfg.Tip.Hash = chainhash.Hash{1}
	b = established(t, cfg)
	b.receive("sendcmpct", sendCompact(0, 2))
	raw, hashes = chainOf(chainhash.Hash{1}, n)
	return b, raw, hashes
}

func TestCompactBlocksAreAgreedOn(t *testing.T) {
	b := established(t, inboundConfig())
	for _, tt := range []struct {
		payload        []byte
		provides, from bool
	}{
		{sendCompact(1, 1), false, false}, {sendCompact(1, 3), false, false},
		{sendCompact(0, 2), true, false}, {sendCompact(1, 2), true, true},
		{sendCompact(0, 1), true, true}, {sendCompact(0, 2), true, false},
	} {
		b.receive("sendcmpct", tt.payload)
		require.Equal(t, tt.provides, b.s.compact.provides)
		require.Equal(t, tt.from, b.s.Report(b.now).HighFrom)
	}
	b.receive("sendcmpct", sendCompact(2, 2))
	b.logged("invalid sendcmpct announce field")
	require.NotNil(t, b.gone)
}

// Who asked for it is sent a new block as a compact block, if it has the one
// before; if the block is no recent one any more, its inv.
func TestNewBlocksAreSentAsCompactBlocks(t *testing.T) {
	for name, reply := range map[string]p2p.FetchReply{
		"cmpctblock": {Found: true, Compact: true, Frames: multipart.One([]byte("compact"))},
		"inv":        {Found: true, Frames: multipart.One([]byte("whole"))},
	} {
		b, raw, hashes := compactPeer(t, 2)
		b.receive("sendcmpct", sendCompact(1, 2))
		b.s.announcer.markKnown(chainhash.Hash{1})
		b.types()
		b.step(TipChanged{Tip: p2p.Tip{Hash: hashes[0], Height: 1}, Headers: [][]byte{raw[:80]}})
		require.Equal(t, p2p.FetchBlockRequest{Hash: hashes[0], Witness: true, Compact: true}, answer[p2p.FetchBlockRequest](b, reply))
		require.Equal(t, []string{name}, b.types())
		// One of which it lacks the parent is announced another way.
		b.s.announcer.peerHas = recent.NewSet[chainhash.Hash](10)
		b.step(TipChanged{Tip: p2p.Tip{Hash: hashes[1], Height: 2}, Headers: [][]byte{raw[80:]}})
		require.Equal(t, []string{"inv"}, b.types())
	}
}

// A block that is not verified yet is sent to who asked for compact blocks unasked, and
// to nobody else; when it is the tip it is no news to them.
func TestUnverifiedBlocksAreSentAsCompactBlocks(t *testing.T) {
	whole := p2p.FetchReply{Found: true, Compact: true, Frames: multipart.One([]byte("compact"))}
	b, raw, hashes := compactPeer(t, 1)
	seen, tip := BlockSeen{Header: raw}, TipChanged{Tip: p2p.Tip{Hash: hashes[0], Height: 1}, Headers: [][]byte{raw}}
	b.s.announcer.markKnown(chainhash.Hash{1})
	b.types()
	b.step(seen)
	require.Empty(t, b.types(), "it did not ask for that")
	b.step(tip)
	require.Equal(t, []string{"inv"}, b.types())

	b, _, _ = compactPeer(t, 1)
	b.receive("sendcmpct", sendCompact(1, 2))
	b.step(seen)
	require.NotContains(t, b.types(), "cmpctblock", "it lacks the block before")
	b.s.announcer.markKnown(chainhash.Hash{1})
	b.step(seen)
	require.Equal(t, hashes[0], answer[p2p.FetchBlockRequest](b, whole).Hash)
	require.Equal(t, []string{"cmpctblock"}, b.types())
	b.step(tip)
	require.Empty(t, b.types())
}

// If the node does not have it any more, the peer hears of the block when it is the
// tip.
func TestAnUnverifiedBlockThatIsGoneIsAnnouncedAsTip(t *testing.T) {
	for name, tipFirst := range map[string]bool{"before the answer": true, "after the answer": false} {
		b, raw, hashes := compactPeer(t, 1)
		tip := TipChanged{Tip: p2p.Tip{Hash: hashes[0], Height: 1}, Headers: [][]byte{raw}}
		b.receive("sendcmpct", sendCompact(1, 2))
		b.s.announcer.markKnown(chainhash.Hash{1})
		b.types()
		b.step(BlockSeen{Header: raw})
		if tipFirst {
			b.step(tip)
			require.Empty(t, b.types())
		}
		answer[p2p.FetchBlockRequest](b, p2p.FetchReply{})
		if !tipFirst {
			require.Empty(t, b.types(), name)
			b.step(tip)
			answer[p2p.FetchBlockRequest](b, p2p.FetchReply{})
		}
		require.Equal(t, []string{"inv"}, b.types(), name)
	}
}

// What is missing is asked for, and goes to the node with the compact block. A
// peer that was first is asked to announce so; one that was relieved, not to.
func TestMissingTransactionsAreFetched(t *testing.T) {
	b, raw, hashes := compactPeer(t, 1)
	b.types()
	b.receive("cmpctblock", compactOf(raw))
	b.receive("ping", make([]byte, 8))
	header := p2p.SubmitHeadersReply{New: 1, Last: hashes[0], Height: 7}
	req := answer[p2p.SubmitCompactRequest](b, p2p.SubmitCompactReply{Headers: header, Missing: []uint16{1, 300}})
	require.Equal(t, p2p.SubmitCompactRequest{Compact: p2p.Compact{Provides: true}, Frames: multipart.One(compactOf(raw))}, req)
	require.Equal(t, int32(7), b.s.Report(b.now).SyncedHeaders)
	require.Equal(t, []int32{7}, b.s.Report(b.now).InFlight)
	r := &reader{b: b.sent[0].Payload}
	require.Equal(t, hashes[0], r.hash())
	require.Equal(t, []uint16{1, 300}, r.blockTxs())
	require.Equal(t, []string{"getblocktxn", "pong"}, b.types())

	b.receive("cmpctblock", compactOf(raw))
	b.logged("Peer sent us compact block we were already syncing!")
	txs := []byte{2, 3, 4}
	b.receive("blocktxn", append(hashes[0][:], txs...))
	req = answer[p2p.SubmitCompactRequest](b, p2p.SubmitCompactReply{Headers: header, Verdict: &p2p.SubmitReply{New: true, Announce: true}})
	require.Equal(t, [][]byte{compactOf(raw), txs}, req.Attached)
	require.Equal(t, []uint16{1, 300}, req.Asked)
	require.True(t, req.Requested)
	require.Equal(t, sendCompact(1, 2), b.sent[0].Payload)
	require.True(t, b.s.Report(b.now).HighTo)
	require.Empty(t, b.s.down.inFlight)
	b.receive("blocktxn", append(hashes[0][:], txs...))
	b.logged("sent us block transactions for block we weren't expecting")
	b.step(p2p.PeerEvent{Relieved: true})
	require.Equal(t, []string{"sendcmpct", "sendcmpct"}, b.types())
	require.False(t, b.s.Report(b.now).HighTo)
	require.Nil(t, b.gone)
}

// When the parts do not make the block, it is asked for whole, and more parts are
// an offence.
func TestTheWholeBlockIsFetchedIfPartsDoNotFit(t *testing.T) {
	b, raw, hashes := compactPeer(t, 1)
	b.types()
	b.receive("cmpctblock", compactOf(raw))
	answer[p2p.SubmitCompactRequest](b, p2p.SubmitCompactReply{Whole: true})
	list, _ := (&reader{b: b.sent[0].Payload}).inventory()
	require.Equal(t, []wire.InvVect{{Type: wire.InvTypeWitnessBlock, Hash: hashes[0]}}, list)
	require.Len(t, b.s.down.inFlight, 1)
	b.receive("blocktxn", append(hashes[0][:], 0))
	b.logged("Misbehaving: peer=0: previous compact block reconstruction attempt failed")
	require.NotNil(t, b.gone)

	b, raw, _ = compactPeer(t, 1)
	b.receive("cmpctblock", compactOf(raw))
	answer[p2p.SubmitCompactRequest](b, p2p.SubmitCompactReply{Whole: true})
	b.receive("block", blockOf(raw, 0))
	require.True(t, answer[p2p.SubmitBlockRequest](b, p2p.SubmitReply{New: true}).Requested)
	require.Empty(t, b.s.compact.partials)
}

func TestWhatTheNodeSaysOfACompactBlock(t *testing.T) {
	for name, tt := range map[string]struct {
		reply p2p.SubmitCompactReply
		gone  bool
		asks  any
	}{
		"invalid":          {reply: p2p.SubmitCompactReply{Invalid: "invalid compact block"}, gone: true},
		"malformed":        {reply: p2p.SubmitCompactReply{Malformed: "end of data"}},
		"bad header":       {reply: p2p.SubmitCompactReply{Headers: p2p.SubmitHeadersReply{Reject: "high-hash", Misbehaving: true}}, gone: true},
		"known as invalid": {reply: p2p.SubmitCompactReply{Headers: p2p.SubmitHeadersReply{Reject: "duplicate-invalid"}}},
		"unconnecting":     {reply: p2p.SubmitCompactReply{Headers: p2p.SubmitHeadersReply{Unconnecting: true}}, asks: p2p.LocatorRequest{}},
		"as headers":       {reply: p2p.SubmitCompactReply{AsHeaders: true, Headers: p2p.SubmitHeadersReply{Download: true}}, asks: p2p.LeaseRequest{}},
		"invalid block":    {reply: p2p.SubmitCompactReply{Verdict: &p2p.SubmitReply{New: true, Reject: "bad-cb-amount"}}},
		"nothing":          {},
	} {
		t.Run(name, func(t *testing.T) {
			b, raw, _ := compactPeer(t, 1)
			b.asks = nil
			b.receive("cmpctblock", compactOf(raw))
			answer[p2p.SubmitCompactRequest](b, tt.reply)
			require.Equal(t, tt.gone, b.gone != nil)
			require.Equal(t, tt.asks != nil, len(b.asks) == 1)
			if tt.asks != nil {
				require.True(t, b.asked(tt.asks))
			}
			require.Empty(t, b.s.down.inFlight)
			require.Empty(t, b.s.compact.partials)
		})
	}
	b, raw, _ := compactPeer(t, 1)
	b.receive("cmpctblock", compactOf(raw))
	for _, r := range b.asks {
		b.step(Reply{ID: r.ID, Err: errors.New("the node is gone")})
	}
	require.Nil(t, b.gone)
	require.Zero(t, b.s.barrier)
}

// Compact blocks of who never offered them, and with -blocksonly any, are of no
// use; those that are short are malformed.
func TestUselessCompactBlocksAreIgnored(t *testing.T) {
	for _, tt := range []struct {
		blocksOnly, provides bool
		cut                  int
		log                  string
	}{
		{true, true, 0, "even though we are blocksonly!"}, {false, false, 0, "despite never having sent us a SENDCMPCT!"},
		{false, true, 20, "malformed"},
	} {
		cfg := inboundConfig()
		cfg.BlocksOnly = tt.blocksOnly
		b := established(t, cfg)
		if tt.provides {
			b.receive("sendcmpct", sendCompact(1, 2))
		}
		raw, _ := chainOf(chainhash.Hash{1}, 1)
		message := compactOf(raw)
		b.receive("cmpctblock", message[:len(message)-tt.cut])
		b.logged(tt.log)
		require.False(t, b.asked(p2p.SubmitCompactRequest{}))
	}
}

// The next block is asked for as a compact block, others whole.
func TestTheNextBlockIsAskedForAsCompactBlock(t *testing.T) {
	for n, kind := range map[int]wire.InvType{1: invCompactBlock, 2: wire.InvTypeWitnessBlock} {
		b, raw, hashes := compactPeer(t, n)
		announce(b, raw, hashes)
		b.sent = nil
		answer[p2p.LeaseRequest](b, p2p.LeaseReply{Hashes: hashes, Seconds: 60})
		list, _ := (&reader{b: b.sent[0].Payload}).inventory()
		require.Equal(t, kind, list[0].Type)
	}
}

// A block that came another way is not waited for.
func TestConnectedBlocksAreNotWaitedFor(t *testing.T) {
	b, raw, hashes := compactPeer(t, 1)
	b.receive("cmpctblock", compactOf(raw))
	answer[p2p.SubmitCompactRequest](b, p2p.SubmitCompactReply{Missing: []uint16{1}})
	b.step(TipChanged{Tip: p2p.Tip{Hash: hashes[0], Height: 1}, Headers: [][]byte{raw}})
	b.tickAfter(2 * compactPatience)
	require.Nil(t, b.gone)
	require.Empty(t, b.s.down.inFlight)
}

// Only so many compact blocks wait, the newest of them.
func TestCompactBlocksThatWaitAreBounded(t *testing.T) {
	b, raw, hashes := compactPeer(t, maxPartials+1)
	for i := range maxPartials + 1 {
		b.receive("cmpctblock", compactOf(raw[80*i:80*i+80]))
		answer[p2p.SubmitCompactRequest](b, p2p.SubmitCompactReply{Missing: []uint16{1}})
	}
	require.Len(t, b.s.compact.partials, maxPartials)
	require.Len(t, b.s.down.inFlight, maxPartials)
	require.NotContains(t, b.s.compact.partials, hashes[0])
	require.Equal(t, maxPartials+1, strings.Count(strings.Join(b.types(), " "), "getblocktxn"))
}

func TestBlockTransactionsAreServed(t *testing.T) {
	request := encodeBlockTxs(chainhash.Hash{1}, []uint16{0, 1, 65535})
	b, _, _ := compactPeer(t, 1)
	b.types()
	b.receive("getblocktxn", request)
	req := answer[p2p.FetchBlockTxsRequest](b, p2p.FetchBlockTxsReply{Found: true, Frames: multipart.One([]byte("txs"))})
	require.Equal(t, p2p.FetchBlockTxsRequest{Hash: chainhash.Hash{1}, Indexes: []uint16{0, 1, 65535}}, req)
	require.Equal(t, []string{"blocktxn"}, b.types())
	b.receive("getblocktxn", request)
	answer[p2p.FetchBlockTxsRequest](b, p2p.FetchBlockTxsReply{TooDeep: true})
	answer[p2p.FetchBlockRequest](b, p2p.FetchReply{Found: true, Frames: multipart.One([]byte("block"))})
	require.Equal(t, []string{"block"}, b.types())
	b.receive("getblocktxn", request[:len(request)-1])
	b.logged("end of data")
	b.receive("getblocktxn", append(append([]byte{}, request[:32]...), 1, 0xfe, 0, 0, 1, 0))
	b.logged("indexes overflowed 16 bits")
	require.Nil(t, b.gone)
	b.receive("getblocktxn", request)
	answer[p2p.FetchBlockTxsRequest](b, p2p.FetchBlockTxsReply{NoSuchTxs: true})
	b.logged("getblocktxn with out-of-bounds tx indices")
	require.NotNil(t, b.gone)
}

// A compact block may come after headers that go beyond it: what they have told is
// fetched all the same.
func TestAnOlderCompactBlockHidesNoNewerHeaders(t *testing.T) {
	b := established(t, inboundConfig())
	b.receive("sendcmpct", []byte{0, compactVersion, 0, 0, 0, 0, 0, 0, 0})
	raw, hashes := chainOf(chainhash.Hash{1}, 3)
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	b.receive("headers", encodeHeaders(raw))
	answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{Last: hashes[2], Height: 3, Work: p2p.Work{31: 3}, Download: true})
	answer[p2p.LeaseRequest](b, p2p.LeaseReply{Retry: true})
	for _, reply := range []p2p.SubmitCompactReply{
		{AsHeaders: true, Headers: p2p.SubmitHeadersReply{Last: hashes[0], Height: 1, Work: p2p.Work{31: 1}, Download: true}},
		{Headers: p2p.SubmitHeadersReply{Last: hashes[1], Height: 2, Work: p2p.Work{31: 2}, Download: true}},
	} {
		at := reply.Headers.Height - 1
		b.receive("cmpctblock", append(raw[80*at:80*(at+1):80*(at+1)], make([]byte, 20)...))
		answer[p2p.SubmitCompactRequest](b, reply)
		require.Equal(t, hashes[2], answer[p2p.LeaseRequest](b, p2p.LeaseReply{Retry: true}).Best)
	}
	require.EqualValues(t, 3, b.s.Report(b.now).SyncedHeaders)
}
