package session

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"pgregory.net/rapid"
)

// wellFormed are payloads that get past the readers.
func wellFormed() map[string][]byte {
	raw, hashes := chainOf(chainhash.Hash{1}, 5)
	inv := encodeInventory([]wire.InvVect{
		{Type: wire.InvTypeBlock, Hash: hashes[4]}, {Type: invWtx, Hash: chainhash.Hash{2}},
		{Type: wire.InvTypeTx, Hash: chainhash.Hash{3}}, {Type: wire.InvTypeWitnessBlock, Hash: hashes[0]}})
	return map[string][]byte{
		"version": versionMessage(70017, fullServices, 5, true), "verack": nil, "wtxidrelay": nil,
		"sendaddrv2": nil, "sendheaders": nil, "ping": make([]byte, 8), "pong": make([]byte, 8),
		"inv": inv, "getdata": inv, "notfound": inv, "headers": encodeHeaders(raw),
		"getheaders": encodeLocator(hashes, chainhash.Hash{}), "getblocks": encodeLocator(nil, chainhash.Hash{}),
		"block": blockOf(raw, 1), "tx": make([]byte, 100), "getaddr": nil,
		"addr":    encodeAddresses([]p2p.NetAddr{publicAddress(1, 1_700_000_000)}, false),
		"addrv2":  encodeAddresses([]p2p.NetAddr{publicAddress(1, 1_700_000_000)}, true),
		"mempool": nil, "feefilter": make([]byte, 8), "sendcmpct": {1, 2, 0, 0, 0, 0, 0, 0, 0},
		"cmpctblock": append(blockOf(raw, 4), make([]byte, 9)...), "blocktxn": append(hashes[4][:], 0),
		"getblocktxn": encodeBlockTxs(hashes[0], []uint16{0, 5}), "sparkle": {1},
		"sendtxrcncl": {1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8},
	}
}

// replyTo draws a reply that fits the request.
func replyTo(t *rapid.T, body any) any {
	h := chainhash.Hash{byte(rapid.IntRange(0, 5).Draw(t, "hash"))}
	flag := rapid.Bool().Draw(t, "flag")
	switch body.(type) {
	case p2p.LocatorRequest, p2p.FindBlocksRequest:
		return p2p.LocatorReply{Hashes: []chainhash.Hash{h, {9}}}
	case p2p.FindHeadersRequest:
		raw, _ := chainOf(h, 3)
		return headersReply(raw)
	case p2p.SubmitHeadersRequest:
		return p2p.SubmitHeadersReply{Last: h, Height: 3, Download: flag, Unconnecting: rapid.Bool().Draw(t, "unconnecting")}
	case p2p.LeaseRequest:
		return p2p.LeaseReply{Hashes: []chainhash.Hash{h}, Seconds: 60, Retry: flag}
	case p2p.SubmitTxsRequest:
		return p2p.SubmitTxsReply{Txs: []p2p.SubmitReply{{Hash: h, Wtxid: h, New: flag, Orphan: flag}}}
	case p2p.SubmitBlockRequest, p2p.SubmitTxRequest:
		return p2p.SubmitReply{Hash: h, Wtxid: h, New: flag, Orphan: flag}
	case p2p.SubmitCompactRequest:
		return drawnCompactReply(t, h)
	case p2p.FetchBlockTxsRequest:
		return p2p.FetchBlockTxsReply{Found: flag, TooDeep: !flag, Frames: multipart.One(make([]byte, 40))}
	case p2p.FetchBlockRequest, p2p.FetchTxRequest:
		return p2p.FetchReply{Found: flag, Compact: rapid.Bool().Draw(t, "compact"), Frames: multipart.One(make([]byte, 100))}
	case p2p.WantTxsRequest:
		return p2p.WantTxsReply{Txids: []chainhash.Hash{h}, Wtxids: []chainhash.Hash{{7}}, Known: []byte{1}, Wait: int64(rapid.IntRange(0, 2000).Draw(t, "wait"))}
	case p2p.MempoolRequest:
		return p2p.TxsAnnouncedEvent{Txs: []p2p.TxAnnouncement{{Txid: h, Wtxid: h}}}
	case p2p.TakePrivateRequest:
		return p2p.TakePrivateReply{Found: flag, Txid: chainhash.Hash{3}, Frames: multipart.One(make([]byte, 60))}
	case p2p.IntroducePeerRequest:
		return p2p.IntroducePeerReply{}
	case p2p.GetAddressesRequest:
		return p2p.AddressesReply{Addresses: []p2p.NetAddr{publicAddress(2, 5)}}
	}
	return p2p.Done{}
}

func drawnCompactReply(t *rapid.T, h chainhash.Hash) (v p2p.SubmitCompactReply) {
	switch rapid.IntRange(0, 6).Draw(t, "outcome") {
	case 0:
		v.Missing = []uint16{1, 2}
	case 1:
		v.Whole = true
	case 2:
		v.AsHeaders, v.Headers.Download = true, true
	case 3:
		v.Malformed = "end of data"
	case 4:
		v.Headers.Unconnecting = true
	case 5:
		v.Verdict = &p2p.SubmitReply{Hash: h, New: true, Announce: true}
	}
	return v
}

// TestAnyOrderOfInputs drives a session with arbitrary messages, replies and
// events. Nothing may panic, every bound must hold, no pong may overtake a
// message before it, and when all requests are answered nothing stays held. A tick
// does something only when one is due, and none is due right after it.
func TestAnyOrderOfInputs(t *testing.T) {
	payloads := wellFormed()
	names := slices.Sorted(maps.Keys(payloads))
	types := []p2p.ConnectionType{p2p.Inbound, p2p.Manual, p2p.FullRelay, p2p.BlockRelayOnly, p2p.AddrFetch, p2p.PrivateBroadcast}
	rapid.Check(t, func(t *rapid.T) {
		cfg := inboundConfig()
		cfg.Type = rapid.SampledFrom(types).Draw(t, "type")
		if rapid.Bool().Draw(t, "noban") {
			cfg.Permissions |= p2p.NoBan
		}
		cfg.Reconciles = rapid.Bool().Draw(t, "reconciles")
		s, now := New(cfg), time.Unix(1_700_000_000, 0)
		var open []Request
		ended, heard := false, now
		step := func(in Input) (did int) {
			effects := s.Step(now, in)
			for _, e := range effects {
				if ended {
					t.Fatalf("effect %T after Disconnect", e)
				}
				switch e := e.(type) {
				case Request:
					open = append(open, e)
				case Disconnect:
					ended = true
				}
			}
			if s.down.submissions > MaxSubmissions || len(s.down.inFlight) > MaxBlocksInFlight ||
				len(s.compact.partials) > maxPartials {
				t.Fatal("a bound is broken")
			}
			return len(effects)
		}
		step(Opened{})
		for _, name := range []string{"version", "verack"} {
			if rapid.IntRange(0, 9).Draw(t, "shake") > 0 {
				step(Message{Type: name, Payload: payloads[name], ReceivedAt: now})
			}
		}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			switch rapid.IntRange(0, 6).Draw(t, "kind") {
			case 0, 1, 2:
				if s.Full() {
					continue
				}
				name := rapid.SampledFrom(names).Draw(t, "message")
				payload := append([]byte{}, payloads[name]...)
				if rapid.IntRange(0, 5).Draw(t, "cut") == 0 {
					payload = payload[:rapid.IntRange(0, len(payload)).Draw(t, "length")]
				}
				step(Message{Type: name, Payload: payload, ReceivedAt: now})
			case 3, 4:
				if len(open) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(open)-1).Draw(t, "request")
				r := open[i]
				open = append(open[:i], open[i+1:]...)
				if rapid.IntRange(0, 5).Draw(t, "fail") == 0 {
					step(Reply{ID: r.ID, Err: errors.New("gone")})
				} else {
					step(Reply{ID: r.ID, Body: replyTo(t, r.Body)})
				}
			case 5:
				unit := rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second}).Draw(t, "unit")
				now = now.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "passes")) * unit)
				silent := time.Duration(rapid.IntRange(0, 2000).Draw(t, "silent")) * time.Second
				at, ok := s.Due()
				heard = latest(heard, now.Add(-silent))
				did := step(Tick{LastSend: now, LastReceive: heard})
				if did > 0 && (!ok || now.Before(at)) {
					t.Fatalf("%d effects of a tick at %v, due %v at %v", did, now, ok, at)
				}
				if at, ok := s.Due(); ok && !at.After(now) {
					t.Fatalf("due at %v after the tick at %v", at, now)
				}
			case 6:
				raw, hashes := chainOf(chainhash.Hash{1}, 2)
				step(TipChanged{Tip: p2p.Tip{Height: 2, Hash: hashes[1]}, Headers: [][]byte{raw[:wire.MaxBlockHeaderPayload], raw[wire.MaxBlockHeaderPayload:]}})
				step(RelayAddresses{Addresses: []p2p.NetAddr{publicAddress(3, now.Unix())}})
				step(p2p.TxsAnnouncedEvent{Txs: []p2p.TxAnnouncement{{Txid: hashes[0], Wtxid: hashes[1], Peer: -1}}})
			}
		}
		for len(open) > 0 {
			r := open[0]
			open = open[1:]
			step(Reply{ID: r.ID, Err: errors.New("gone")})
		}
		if !ended && s.held.len() > 0 {
			t.Fatalf("%d messages held with no request open", s.held.len())
		}
	})
}

// FuzzProcess feeds raw payloads to a session after its handshake.
func FuzzProcess(f *testing.F) {
	for name, payload := range wellFormed() {
		f.Add(name, payload)
	}
	f.Fuzz(func(t *testing.T, messageType string, payload []byte) {
		s, now := New(inboundConfig()), time.Unix(1_700_000_000, 0)
		for _, m := range []Message{
			{Type: "version", Payload: versionMessage(70017, fullServices, 5, true)},
			{Type: "sendaddrv2"}, {Type: "verack"}, {Type: messageType, Payload: payload},
		} {
			s.Step(now, m)
		}
		s.Step(now.Add(time.Minute), Tick{LastSend: now, LastReceive: now})
	})
}
