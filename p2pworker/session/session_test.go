package session

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

func TestInboundHandshake(t *testing.T) {
	b := newBench(t, inboundConfig())
	require.Empty(t, b.types(), "an inbound peer speaks first")
	b.receive("ping", make([]byte, 8))
	b.logged(`non-version message before version handshake. Message "ping" from peer=0`)
	b.receive("version", versionMessage(70016, fullServices, 5, true))
	require.Equal(t, []string{"version", "wtxidrelay", "sendaddrv2", "verack"}, b.types())
	b.receive("ping", make([]byte, 8))
	b.logged(`Unsupported message "ping" prior to verack from peer=0`)
	b.receive("sendaddrv2", nil)
	b.receive("verack", nil)
	require.Equal(t, []string{"ping", "feefilter"}, b.types())
	b.receive("verack", nil)
	b.logged("ignoring redundant verack message from peer=0")
	b.receive("version", versionMessage(70016, fullServices, 5, true))
	b.logged("redundant version message from peer=0")
	require.Nil(t, b.gone)
	b.receive("sendaddrv2", nil)
	b.logged("sendaddrv2 received after verack, disconnecting peer=0")
	require.NotNil(t, b.gone)
}

func TestOurVersionMessageIsReadByBtcd(t *testing.T) {
	cfg := inboundConfig()
	cfg.Type = Manual
	cfg.Tip.Height = 12
	b := newBench(t, cfg)
	require.Len(t, b.sent, 1)
	var m wire.MsgVersion
	require.NoError(t, m.BtcDecode(newBuffer(b.sent[0].Payload), 70016, wire.WitnessEncoding))
	require.EqualValues(t, ProtocolVersion, m.ProtocolVersion)
	require.Equal(t, "/Bulkhead:0.1.0/", m.UserAgent)
	require.Equal(t, fullServices, m.Services)
	require.EqualValues(t, 99, m.Nonce)
	require.EqualValues(t, 12, m.LastBlock)
	require.False(t, m.DisableRelayTx)
}

func TestVersionsThatAreRefused(t *testing.T) {
	outbound := inboundConfig()
	outbound.Type, outbound.RemoteServices = FullRelay, fullServices
	tests := []struct {
		name string
		cfg  Config
		raw  []byte
		log  string
	}{
		{"obsolete", inboundConfig(), versionMessage(31799, fullServices, 5, true),
			"peer using obsolete version 31799, disconnecting peer=0"},
		{"self", inboundConfig(), versionMessage(70016, fullServices, 99, true),
			"connected to self at 10.0.0.1:8333, disconnecting"},
		{"services", outbound, versionMessage(70016, wire.SFNodeNetwork, 5, true),
			"peer does not offer the expected services (00000001 offered, 00000009 expected), disconnecting peer=0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, tt.cfg)
			b.receive("version", tt.raw)
			b.logged(tt.log)
			require.NotNil(t, b.gone)
			require.False(t, b.gone.Discourage)
		})
	}
}

func TestPeersWithRecentBlocksDoWhileWeNeedNoOthers(t *testing.T) {
	cfg := inboundConfig()
	cfg.Type, cfg.RemoteServices = FullRelay, fullServices
	limited := versionMessage(70016, wire.SFNodeNetworkLimited|wire.SFNodeWitness, 5, true)
	b := newBench(t, cfg)
	b.receive("version", limited)
	b.logged("(00000408 offered, 00000009 expected)")
	cfg.Tip.Time = b.now.Add(-23 * time.Hour)
	b = newBench(t, cfg)
	b.receive("version", limited)
	require.Nil(t, b.gone)
}

func TestAddrFetchConnectionEndsInTime(t *testing.T) {
	cfg := inboundConfig()
	cfg.Type = AddrFetch
	b := established(t, cfg)
	b.tickAfter(addrFetchTimeout)
	require.Nil(t, b.gone)
	b.tickAfter(time.Second)
	b.logged("addrfetch connection timeout, disconnecting peer=0")
}

func TestShortVersionIsAnErrorNotAnEnd(t *testing.T) {
	b := newBench(t, inboundConfig())
	b.receive("version", make([]byte, 10))
	b.logged("ProcessMessages(version, 10 bytes): Exception 'DataStream::read(): end of data'")
	require.Nil(t, b.gone)
}

func TestHandshakeTimeouts(t *testing.T) {
	for _, tt := range []struct {
		tick Tick
		log  string
	}{
		{Tick{}, "socket no message in first 60 seconds, never received from peer, never sent to peer, disconnecting peer=0"},
		{Tick{LastReceive: time.Unix(1_700_000_050, 0)}, "socket no message in first 60 seconds, never sent to peer, disconnecting"},
		{Tick{LastReceive: time.Unix(1_700_000_050, 0), LastSend: time.Unix(1_700_000_050, 0)}, "version handshake timeout, disconnecting peer=0"},
	} {
		b := newBench(t, inboundConfig())
		b.now = b.now.Add(60 * time.Second)
		b.step(tt.tick)
		require.Nil(t, b.gone, "not before the time-out has passed")
		b.now = b.now.Add(time.Second)
		b.step(tt.tick)
		require.NotNil(t, b.gone)
		b.logged(tt.log)
	}
}

// The texts are those that Bitcoin Core's p2p_ping.py expects.
func TestPingBookkeeping(t *testing.T) {
	b := newBench(t, inboundConfig())
	b.receive("version", versionMessage(70016, fullServices, 5, true))
	b.sent = nil
	b.receive("verack", nil)
	require.Equal(t, "ping", b.sent[0].Type)
	nonce := b.sent[0].Payload
	b.tickAfter(3 * time.Second)
	require.Equal(t, 3*time.Second, b.s.Info(b.now).PingWait)
	b.receive("pong", nil)
	b.logged("pong peer=0: Short payload")
	require.Zero(t, b.s.Info(b.now).PingWait)
	b.receive("pong", make([]byte, 8))
	b.logged("pong peer=0: Unsolicited pong without ping, 0 expected, 0 received, 8 bytes")
	b.sent = nil
	b.tickAfter(2*time.Minute + time.Second)
	require.Equal(t, "ping", b.sent[0].Type)
	b.receive("pong", nonce)
	b.logged("Nonce mismatch")
	b.receive("pong", make([]byte, 8))
	b.logged("Nonce zero")
	b.sent = nil
	b.tickAfter(2*time.Minute + time.Second)
	nonce = b.sent[0].Payload
	b.tickAfter(29 * time.Second)
	b.receive("pong", nonce)
	require.Equal(t, 29*time.Second, b.s.Info(b.now).LastPing)
	b.step(PingNow{})
	b.tickAfter(20*time.Minute + time.Second)
	b.logged("ping timeout: 1201.000000s, disconnecting peer=0")
	require.NotNil(t, b.gone)
}

// The node may have loaded its chain after the session began, and it may lack
// blocks of headers that it has. The peer's answer must not be empty.
func TestHeaderSyncBeginsBelowTheBestHeader(t *testing.T) {
	for _, height := range []int32{0, 200} {
		cfg := inboundConfig()
		cfg.Type = Manual
		cfg.Tip.HeaderHeight = height
		b := established(t, cfg)
		best, below := chainhash.Hash{2}, chainhash.Hash{1}
		answer[GetLocator](b, Hashes{Hashes: []chainhash.Hash{best, below}})
		require.Len(t, b.sent, 1)
		require.Equal(t, "getheaders", b.sent[0].Type)
		require.Equal(t, encodeLocator([]chainhash.Hash{below}, chainhash.Hash{}), b.sent[0].Payload)
	}
}

func TestInitialBlockDownload(t *testing.T) {
	cfg := inboundConfig()
	cfg.Type = Manual
	cfg.Tip.Initial = true
	b := established(t, cfg)
	genesis := chainhash.Hash{1}
	answer[GetLocator](b, Hashes{Hashes: []chainhash.Hash{genesis}})
	b.logged("initial getheaders (0) to peer=0")
	require.Equal(t, []string{"getheaders"}, b.types())

	// A full batch asks for more, a short one ends the sync.
	raw, hashes := chainOf(genesis, 2100)
	b.receive("headers", encodeHeaders(raw[:2000*HeaderSize]))
	got := answer[SubmitHeaders](b, HeadersVerdict{New: 2000, Last: hashes[1999], Height: 2000, Download: true})
	require.Equal(t, raw[:2000*HeaderSize], got.Raw)
	require.Equal(t, []string{"getheaders"}, b.types())
	b.receive("headers", encodeHeaders(raw[2000*HeaderSize:]))
	answer[SubmitHeaders](b, HeadersVerdict{New: 100, Last: hashes[2099], Height: 2100, Download: true})
	require.Equal(t, []string{"sendheaders"}, b.types())

	// Blocks are leased, requested in one getdata and submitted as they come.
	// A node that fails us is asked again later.
	answer[LeaseBlocks](b, nil)
	require.False(t, b.asked(LeaseBlocks{}))
	b.tickAfter(nodeRetry)
	delivered := 0
	for delivered < len(hashes) {
		if !b.asked(LeaseBlocks{}) {
			b.tickAfter(leaseRetry)
		}
		next := hashes[delivered:]
		var want int
		for _, r := range b.asks {
			if l, ok := r.Body.(LeaseBlocks); ok {
				want = min(l.Max, len(next))
				require.LessOrEqual(t, l.Max, MaxBlocksInFlight)
			}
		}
		answer[LeaseBlocks](b, Lease{Hashes: next[:want], Seconds: 60})
		require.Equal(t, []string{"getdata"}, b.types())
		for range want {
			b.receive("block", blockOf(raw, delivered))
			answer[SubmitBlock](b, Verdict{Hash: hashes[delivered], New: true})
			delivered++
		}
	}
	require.Greater(t, b.s.down.window(), MinBlocksInFlight, "tiny blocks widen the window")
	answer[LeaseBlocks](b, Lease{})
	b.tickAfter(time.Second)
	require.False(t, b.asked(LeaseBlocks{}), "nothing left to ask for")
	require.Nil(t, b.gone)
	require.Zero(t, b.s.Info(b.now).InFlight)
}

func TestPongWaitsForBlocksBeforeIt(t *testing.T) {
	b := established(t, inboundConfig())
	raw, hashes := chainOf(chainhash.Hash{1}, 3)
	announce(b, raw, hashes)
	answer[LeaseBlocks](b, Lease{Hashes: hashes, Seconds: 60})
	b.types()
	b.receive("block", blockOf(raw, 0))
	b.receive("block", blockOf(raw, 1))
	b.receive("ping", make([]byte, 8))
	b.receive("block", blockOf(raw, 2))
	require.Len(t, submissions(b), 2, "blocks are pipelined, but not past a ping")
	require.Empty(t, b.types())
	answer[SubmitBlock](b, Verdict{Hash: hashes[1], New: true})
	require.Empty(t, b.types())
	answer[SubmitBlock](b, Verdict{Hash: hashes[0], New: true})
	require.Equal(t, []string{"pong"}, b.types())
	require.Len(t, submissions(b), 1)
}

func submissions(b *bench) (list []SubmitBlock) {
	for _, r := range b.asks {
		if s, ok := r.Body.(SubmitBlock); ok {
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
	answer[SubmitTx](b, Verdict{})
	require.Len(t, b.types(), n, "each ping is answered once its turn has come")
	require.False(t, b.s.Full())
}

func TestBadHeaders(t *testing.T) {
	raw, _ := chainOf(chainhash.Hash{1}, 3)
	broken := append(append([]byte{}, raw[:HeaderSize]...), raw[2*HeaderSize:]...)
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
		answer[SubmitHeaders](b, HeadersVerdict{Reject: "header with invalid proof of work", Misbehaving: true})
		b.logged("Misbehaving: peer=0: header with invalid proof of work")
		require.NotNil(t, b.gone)
	})
	t.Run("unconnecting", func(t *testing.T) {
		b := established(t, inboundConfig())
		b.receive("headers", encodeHeaders(raw))
		answer[SubmitHeaders](b, HeadersVerdict{Unconnecting: true})
		answer[GetLocator](b, Hashes{}) // of the initial sync
		answer[GetLocator](b, Hashes{Hashes: []chainhash.Hash{{9}}})
		require.Equal(t, []string{"getheaders"}, b.types(), "one getheaders at a time")
		require.Nil(t, b.gone)
	})
}

func TestMisbehavingPeersThatAreNotPunished(t *testing.T) {
	noban, manual, local := inboundConfig(), inboundConfig(), inboundConfig()
	noban.Permissions.NoBan = true
	manual.Type = Manual
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
	answer[SubmitBlock](b, Verdict{Mutated: true})
	b.logged("Received mutated block from peer=0")
	require.NotNil(t, b.gone)
}

// A peer that came to us may be on a branch of which we know that it is
// invalid; one that we chose is of no use there.
func TestKnownInvalidBlocksAreHeldAgainstOurOwnChoice(t *testing.T) {
	outbound := inboundConfig()
	outbound.Type = FullRelay
	for _, cfg := range []Config{inboundConfig(), outbound} {
		raw, _ := chainOf(chainhash.Hash{1}, 1)
		b := established(t, cfg)
		b.receive("block", blockOf(raw, 0))
		answer[SubmitBlock](b, Verdict{Reject: "duplicate-invalid", Misbehaving: true})
		require.Equal(t, cfg.Type == FullRelay, b.gone != nil)

		b = established(t, cfg)
		b.receive("headers", encodeHeaders(raw))
		answer[SubmitHeaders](b, HeadersVerdict{Reject: "duplicate-invalid", Misbehaving: true})
		require.Equal(t, cfg.Type == FullRelay, b.gone != nil)
	}
}

func TestBlockThatCannotBeReadIsIgnored(t *testing.T) {
	b := established(t, inboundConfig())
	raw, _ := chainOf(chainhash.Hash{1}, 1)
	b.receive("block", append(raw[:HeaderSize:HeaderSize], 0xfd, 1, 0, 0))
	b.logged("ProcessMessages(block, 84 bytes): Exception 'non-canonical ReadCompactSize()'")
	require.False(t, b.asked(SubmitBlock{}))
	b.receive("block", blockOf(raw, 0))
	answer[SubmitBlock](b, Verdict{Reject: "malformed block: too short"})
	b.logged("peer=0: malformed block: too short")
	require.Nil(t, b.gone)
}

func TestBlockTimeoutSparesPeersThatWaitForUs(t *testing.T) {
	b := established(t, inboundConfig())
	raw, hashes := chainOf(chainhash.Hash{1}, 2)
	b.receive("headers", encodeHeaders(raw))
	answer[SubmitHeaders](b, HeadersVerdict{Last: hashes[1], Height: 2, Download: true})
	answer[LeaseBlocks](b, Lease{Hashes: hashes, Seconds: 60})
	b.receive("block", blockOf(raw, 0))
	b.tickAfter(2 * time.Minute)
	require.Nil(t, b.gone, "the block is with the node")
	answer[SubmitBlock](b, Verdict{New: true})
	b.tickAfter(2 * time.Minute)
	b.logged("Timeout downloading block " + hashes[1].String() + ", disconnecting peer=0")
	require.NotNil(t, b.gone)
}

func TestServing(t *testing.T) {
	b := established(t, inboundConfig())
	raw, hashes := chainOf(chainhash.Hash{1}, 2)
	b.receive("getheaders", encodeLocator(hashes[:1], chainhash.Hash{}))
	req := answer[FindHeaders](b, Headers{Raw: raw[HeaderSize:]})
	require.Equal(t, hashes[:1], req.Locator)
	require.Equal(t, encodeHeaders(raw[HeaderSize:]), b.sent[0].Payload)
	b.types()

	list := []wire.InvVect{
		{Type: wire.InvTypeTx, Hash: chainhash.Hash{7}},
		{Type: wire.InvTypeWitnessBlock, Hash: hashes[0]},
		{Type: 77, Hash: chainhash.Hash{8}},
		{Type: invWtx, Hash: chainhash.Hash{9}},
	}
	b.receive("getdata", encodeInventory(list))
	b.receive("ping", make([]byte, 8))
	require.Equal(t, FetchTx{Hash: chainhash.Hash{7}}, answer[FetchTx](b, Fetched{}))
	require.Equal(t, FetchBlock{Hash: hashes[0], Witness: true}, answer[FetchBlock](b, Fetched{Found: true, Raw: []byte{1}}))
	require.Equal(t, FetchTx{Hash: chainhash.Hash{9}, Wtxid: true, Witness: true}, answer[FetchTx](b, Fetched{Found: true, Raw: []byte{2}}))
	require.Equal(t, []string{"block", "tx", "notfound", "pong"}, b.types())

	b.receive("getblocks", encodeLocator(nil, chainhash.Hash{}))
	answer[FindBlocks](b, Hashes{Hashes: hashes})
	require.Equal(t, []string{"inv"}, b.types())
	b.receive("getheaders", encodeLocator(make([]chainhash.Hash, 102), chainhash.Hash{}))
	b.logged("getheaders locator size 102 > 101, disconnecting peer=0")
}

func TestAnnounceBlocksByHeadersOnlyIfTheyConnect(t *testing.T) {
	b := established(t, inboundConfig())
	raw, hashes := chainOf(chainhash.Hash{1}, 12)
	tip := func(from, to int) TipChanged {
		e := TipChanged{Tip: Tip{Height: int32(to), Hash: hashes[to-1]}}
		for i := from; i < to; i++ {
			e.Headers = append(e.Headers, raw[i*HeaderSize:(i+1)*HeaderSize])
		}
		return e
	}
	b.step(tip(0, 1))
	require.Equal(t, []string{"inv"}, b.types(), "no sendheaders yet")
	b.receive("sendheaders", nil)
	b.step(tip(1, 2))
	require.Equal(t, []string{"inv"}, b.types(), "the peer is not known to have the parent")
	b.receive("getheaders", encodeLocator(hashes[:1], chainhash.Hash{}))
	answer[FindHeaders](b, Headers{Raw: raw[HeaderSize : 2*HeaderSize]})
	b.types()
	b.step(tip(2, 3))
	require.Equal(t, encodeHeaders(raw[2*HeaderSize:3*HeaderSize]), b.sent[0].Payload)
	require.Equal(t, []string{"headers"}, b.types())
	b.step(tip(3, 12))
	require.Equal(t, []string{"inv"}, b.types(), "nine headers are too many to announce")
	b.receive("inv", encodeInventory([]wire.InvVect{{Type: wire.InvTypeBlock, Hash: hashes[11]}}))
	b.types()
	b.step(tip(11, 12))
	require.Empty(t, b.types(), "the peer told us of it")
}

func TestTransactionsAreRequestedOnceTheNodeSaysSo(t *testing.T) {
	b := established(t, inboundConfig())
	inv := encodeInventory([]wire.InvVect{
		{Type: invWtx, Hash: chainhash.Hash{1}}, {Type: invWtx, Hash: chainhash.Hash{2}},
		{Type: wire.InvTypeTx, Hash: chainhash.Hash{3}}, {Type: invWtx, Hash: chainhash.Hash{1}},
	})
	b.receive("inv", inv)
	require.False(t, b.asked(WantTxs{}), "who connected to us waits")
	b.tickAfter(nonPreferredTxDelay)
	req := answer[WantTxs](b, Wanted{Request: []chainhash.Hash{{1}}, Later: []chainhash.Hash{{2}}, RetrySeconds: 60})
	require.Equal(t, WantTxs{Wtxid: true, Hashes: []chainhash.Hash{{1}, {2}}}, req)
	require.Equal(t, encodeInventory([]wire.InvVect{{Type: invWtx, Hash: chainhash.Hash{1}}}), last(b.sent).Payload)
	b.tickAfter(time.Minute)
	answer[WantTxs](b, Wanted{})
	b.types()
	b.receive("tx", make([]byte, 100))
	answer[SubmitTx](b, Verdict{Missing: []chainhash.Hash{{8}}})
	require.Equal(t, WantTxs{Hashes: []chainhash.Hash{{8}}}, answer[WantTxs](b, Wanted{Request: []chainhash.Hash{{8}}}))
	require.Equal(t, encodeInventory([]wire.InvVect{{Type: wire.InvTypeWitnessTx, Hash: chainhash.Hash{8}}}), last(b.sent).Payload)
}

func last(list []Send) Send { return list[len(list)-1] }

func TestTransactionsAreNotWantedFromBlockRelayPeers(t *testing.T) {
	cfg := inboundConfig()
	cfg.Type = BlockRelayOnly
	b := established(t, cfg)
	b.receive("inv", encodeInventory([]wire.InvVect{{Type: invWtx, Hash: chainhash.Hash{1}}}))
	b.logged("inv sent in violation of protocol, disconnecting peer=0")
	b = established(t, cfg)
	b.receive("tx", make([]byte, 100))
	b.logged("transaction sent in violation of protocol, disconnecting peer=0")
}

func TestTransactionIsServedOnlyAfterItsAnnouncement(t *testing.T) {
	b := established(t, inboundConfig())
	b.step(Tick{LastSend: b.now, LastReceive: b.now})
	tx := TxAnnouncement{Txid: chainhash.Hash{1}, Wtxid: chainhash.Hash{2}, FeeRate: 1000, Peer: -1}
	cheap := TxAnnouncement{Txid: chainhash.Hash{3}, Wtxid: chainhash.Hash{4}, FeeRate: 10, Peer: -1}
	b.receive("feefilter", binary.LittleEndian.AppendUint64(nil, 500))
	b.logged("received: feefilter of 0.00000500 BTC/kvB from peer=0")
	b.step(TxsAnnounced{Txs: []TxAnnouncement{tx, cheap}})
	require.Empty(t, b.types())
	get := encodeInventory([]wire.InvVect{{Type: invWtx, Hash: tx.Wtxid}})
	b.receive("getdata", get)
	require.Equal(t, []string{"notfound"}, b.types())
	b.tickAfter(2 * time.Minute)
	require.Contains(t, b.sent, Send{Type: "inv", Payload: get})
	b.receive("getdata", get)
	answer[FetchTx](b, Fetched{Found: true, Raw: []byte{1}})
	require.Equal(t, "tx", last(b.sent).Type)
}

// The answer to the second of two pings tells that what was due is announced.
func TestAnnouncementsThatAreDueComeBeforeTheNextAnswer(t *testing.T) {
	b := established(t, inboundConfig())
	b.tickAfter(time.Second)
	b.step(TxsAnnounced{Txs: []TxAnnouncement{{Txid: chainhash.Hash{1}, Wtxid: chainhash.Hash{2}, FeeRate: 1000, Peer: -1}}})
	b.types()
	b.now = b.now.Add(5 * time.Minute)
	b.receive("ping", make([]byte, 8))
	b.receive("ping", make([]byte, 8))
	require.Equal(t, []string{"pong", "inv", "pong"}, b.types())
}

// What was in a block is no secret: it is served before it is announced again.
func TestTransactionThatReturnsFromABlockIsServedAtOnce(t *testing.T) {
	b := established(t, inboundConfig())
	b.tickAfter(time.Second)
	tx := TxAnnouncement{Txid: chainhash.Hash{1}, Wtxid: chainhash.Hash{2}, FeeRate: 1000, Peer: -1}
	b.step(TxsAnnounced{Txs: []TxAnnouncement{tx}})
	tx.Peer = FromBlock
	b.step(TxsAnnounced{Txs: []TxAnnouncement{tx}})
	b.receive("getdata", encodeInventory([]wire.InvVect{{Type: invWtx, Hash: chainhash.Hash{2}}}))
	answer[FetchTx](b, Fetched{Found: true, Raw: make([]byte, 60)})
	require.Contains(t, b.types(), "tx")
	b.tickAfter(5 * time.Minute)
	require.Contains(t, b.types(), "inv")
}

func TestNobanPeersHearOfTransactionsAtOnce(t *testing.T) {
	cfg := inboundConfig()
	cfg.Permissions.NoBan = true
	b := established(t, cfg)
	b.tickAfter(0)
	b.types()
	b.step(TxsAnnounced{Txs: []TxAnnouncement{{Txid: chainhash.Hash{1}, Wtxid: chainhash.Hash{2}, Peer: -1}}})
	require.Equal(t, []string{"inv"}, b.types())
}

func TestServicesThatAreNotOffered(t *testing.T) {
	for message, log := range map[string]string{
		"filterload":   "filterload received despite not offering bloom services, disconnecting peer=0",
		"filteradd":    "filteradd received despite not offering bloom services, disconnecting peer=0",
		"filterclear":  "filterclear received despite not offering bloom services, disconnecting peer=0",
		"mempool":      "mempool request with bloom filters disabled, disconnecting peer=0",
		"getcfilters":  "peer requested unsupported block filter type: 0, disconnecting peer=0",
		"getcfheaders": "peer requested unsupported block filter type: 0, disconnecting peer=0",
		"getcfcheckpt": "peer requested unsupported block filter type: 0, disconnecting peer=0",
	} {
		b := established(t, inboundConfig())
		b.receive(message, make([]byte, 37))
		b.logged(log)
		require.NotNil(t, b.gone)
	}
}

func TestFeature(t *testing.T) {
	id := append(appendSize(nil, 5), "hello"...)
	for _, tt := range []struct {
		version uint32
		payload []byte
		log     string
		gone    bool
	}{
		{70017, append(append([]byte{}, id...), 0), "unknown feature advertised: hello", false},
		{70017, id, "invalid feature payload, disconnecting peer=0", true},
		{70016, append(append([]byte{}, id...), 0), "feature received with incompatible version 70016, disconnecting peer=0", true},
	} {
		b := newBench(t, inboundConfig())
		b.receive("version", versionMessage(tt.version, fullServices, 5, true))
		b.receive("feature", tt.payload)
		b.logged(tt.log)
		require.Equal(t, tt.gone, b.gone != nil)
	}
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

func TestSyncBeginsAnewWithANodeThatForgot(t *testing.T) {
	b := established(t, inboundConfig())
	raw, hashes := chainOf(chainhash.Hash{1}, 2)
	answer[GetLocator](b, Hashes{Hashes: []chainhash.Hash{{1}}})
	b.receive("headers", encodeHeaders(raw))
	answer[SubmitHeaders](b, HeadersVerdict{Last: hashes[1], Height: 2, Download: true})
	answer[LeaseBlocks](b, Lease{Hashes: hashes, Seconds: 60})
	require.Equal(t, []int32{1, 2}, b.s.Info(b.now).Heights)
	b.types()
	b.step(NodeRestarted{})
	answer[GetLocator](b, Hashes{Hashes: []chainhash.Hash{{1}}})
	require.Equal(t, []string{"getheaders"}, b.types())
	b.receive("headers", encodeHeaders(raw))
	answer[SubmitHeaders](b, HeadersVerdict{Last: hashes[1], Height: 2, Download: true})
	answer[LeaseBlocks](b, Lease{Hashes: hashes, Seconds: 60})
	require.Empty(t, b.types(), "blocks on their way are not requested twice")
}

func TestUnansweredGetHeadersIsRepeatedAfterAnAnnouncement(t *testing.T) {
	b := established(t, inboundConfig())
	answer[GetLocator](b, Hashes{Hashes: []chainhash.Hash{{1}}})
	require.Equal(t, []string{"getheaders"}, b.types())
	b.receive("inv", encodeInventory([]wire.InvVect{{Type: wire.InvTypeBlock, Hash: chainhash.Hash{5}}}))
	answer[GetLocator](b, Hashes{Hashes: []chainhash.Hash{{1}}})
	require.Empty(t, b.types(), "one getheaders at a time")
	b.tickAfter(announcedRetry + time.Millisecond)
	answer[GetLocator](b, Hashes{Hashes: []chainhash.Hash{{1}}})
	require.Contains(t, b.types(), "getheaders")
	b.tickAfter(announcedRetry + time.Millisecond)
	require.Empty(t, b.asks[1:], "once an announcement")
}

// A block that is announced while headers are on their way may be too new for
// them: it is asked for once more, and once only.
func TestAnnouncementOvertakesHeaders(t *testing.T) {
	cfg := inboundConfig()
	cfg.Type = Manual
	b := established(t, cfg)
	genesis := chainhash.Hash{1}
	answer[GetLocator](b, Hashes{Hashes: []chainhash.Hash{genesis}})
	require.Equal(t, []string{"getheaders"}, b.types())
	raw, hashes := chainOf(genesis, 3)
	b.receive("inv", encodeInventory([]wire.InvVect{{Type: wire.InvTypeBlock, Hash: hashes[2]}}))
	answer[GetLocator](b, Hashes{Hashes: []chainhash.Hash{genesis}})
	require.Empty(t, b.types(), "one request at a time")
	b.receive("headers", encodeHeaders(raw[:2*HeaderSize]))
	answer[SubmitHeaders](b, HeadersVerdict{New: 2, Last: hashes[1], Height: 2})
	answer[GetLocator](b, Hashes{Hashes: []chainhash.Hash{hashes[1]}})
	require.Contains(t, b.types(), "getheaders")
	b.receive("headers", encodeHeaders(nil))
	require.False(t, b.asked(GetLocator{}))
}
