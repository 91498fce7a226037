package session

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// chosen is an outbound peer in sync with a node whose tip is block 1.
func chosen(t *testing.T, kind p2p.ConnectionType) *bench {
	cfg := inboundConfig()
	cfg.Type, cfg.Tip = kind, tipOf(1)
	b := established(t, cfg)
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	b.sent = nil
	return b
}

func tipOf(height byte) p2p.Tip {
	return p2p.Tip{Height: int32(height), Hash: chainhash.Hash{height}, Work: p2p.Work{31: height}}
}

// pass lets time go by for a peer that answers pings.
func (b *bench) pass(d time.Duration) {
	if nonce := b.s.ping.nonce; nonce != 0 {
		b.receive("pong", binary.LittleEndian.AppendUint64(nil, nonce))
	}
	b.tickAfter(d)
}

// show has the peer send headers up to a block with so much work.
func (b *bench) show(work byte, news int) {
	raw, _ := chainOf(chainhash.Hash{work}, 1)
	b.receive("headers", encodeHeaders(raw))
	answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{New: news, Last: chainhash.Hash{work}, Height: int32(work), Work: p2p.Work{31: work}})
}

func TestAnOutboundPeerWithAnOldChainGoes(t *testing.T) {
	for name, kind := range map[string]p2p.ConnectionType{"full relay": p2p.FullRelay, "blocks only": p2p.BlockRelayOnly} {
		t.Run(name, func(t *testing.T) {
			b := chosen(t, kind)
			b.pass(chainSyncTimeout)
			require.False(t, b.asked(p2p.LocatorRequest{}))
			b.pass(time.Second)
			at, ok := b.s.Due()
			require.True(t, ok)
			require.False(t, at.After(b.now.Add(headersResponseTime+1)))
			req := answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{7}}})
			require.Equal(t, chainhash.Hash{1}, req.Below)
			require.Contains(t, b.types(), "getheaders")
			b.pass(headersResponseTime)
			require.Nil(t, b.gone)
			b.pass(time.Second)
			require.NotNil(t, b.gone)
			require.False(t, b.gone.Discourage)
			b.logged("Outbound peer has old chain, best known block = <none>, disconnecting peer=0")
		})
	}
}

// TestAPeerThatFollowsStays, if always a block behind; and one that has caught up is not
// counted the time before.
func TestAPeerThatFollowsStays(t *testing.T) {
	b := chosen(t, p2p.BlockRelayOnly)
	for height := byte(2); height < 8; height++ {
		b.step(TipChanged{Tip: tipOf(height)})
		b.pass(chainSyncTimeout + time.Second)
		req := answer[p2p.LocatorRequest](b, p2p.LocatorReply{})
		require.Equal(t, chainhash.Hash{height - 1}, req.Below, "the tip when it was last given time")
		b.show(height-1, 1)
		require.Nil(t, b.gone)
	}
	b.show(8, 1)
	b.pass(chainSyncTimeout + time.Second)
	b.pass(headersResponseTime + time.Second)
	require.Nil(t, b.gone)
	require.Equal(t, b.now.Add(-chainSyncTimeout-headersResponseTime-2*time.Second).Unix(), b.s.Report(b.now).LastNews)

	// What it announced by its hash alone counts when it is our tip.
	b = chosen(t, p2p.BlockRelayOnly)
	b.s.chain.announces(chainhash.Hash{2})
	b.step(TipChanged{Tip: tipOf(2)})
	require.True(t, b.s.keepsUp())
}

// TestAGoodChainProtects a full-relay peer of ours, if the manager says so; others have
// to keep up.
func TestAGoodChainProtects(t *testing.T) {
	b := chosen(t, p2p.FullRelay)
	b.show(0, 0)
	require.False(t, b.s.chain.asking, "less than we have")
	b.show(1, 0)
	require.Equal(t, p2p.ProtectPeerRequest{Peer: 0}, answer[p2p.ProtectPeerRequest](b, p2p.ProtectPeerReply{}))
	b.show(1, 0)
	answer[p2p.ProtectPeerRequest](b, p2p.ProtectPeerReply{Protected: true})
	require.True(t, b.s.Report(b.now).Protected)
	require.Zero(t, b.s.Report(b.now).LastNews, "nothing was new")
	b.step(TipChanged{Tip: tipOf(9)})
	b.pass(chainSyncTimeout + time.Second)
	b.pass(headersResponseTime + time.Second)
	require.Nil(t, b.gone)

	for _, kind := range []p2p.ConnectionType{p2p.BlockRelayOnly, p2p.Manual, p2p.Inbound} {
		b := chosen(t, kind)
		b.show(2, 1)
		require.False(t, b.s.chain.asking, kind)
	}
	b = chosen(t, p2p.Manual)
	b.pass(chainSyncTimeout + headersResponseTime)
	b.pass(headersResponseTime)
	require.Nil(t, b.gone, "the user chose it")
}

// TestTxRelayIsAskedFor once, for peers that chose us.
func TestTxRelayIsAskedFor(t *testing.T) {
	for _, kind := range []p2p.ConnectionType{p2p.Inbound, p2p.Manual} {
		cfg := inboundConfig()
		cfg.Type = kind
		b := newBench(t, cfg)
		b.receive("version", versionMessage(70016, fullServices, 5, false))
		b.receive("verack", nil)
		asked := func() (n int) {
			for _, r := range b.asks {
				if r.Method == string(p2p.RelayTxs) {
					n++
				}
			}
			return n
		}
		require.Zero(t, asked())
		b.s.hs.relaysTxs = true
		b.pass(time.Second)
		b.pass(time.Second)
		if kind == p2p.Manual {
			require.Zero(t, asked(), "we chose it")
			continue
		}
		require.Equal(t, 1, asked())
		answer[p2p.RelayTxsRequest](b, p2p.RelayTxsReply{Refused: true})
		require.NotNil(t, b.gone)
		b.logged("failed to find a tx-relaying eviction candidate - connection dropped after filterload message, disconnecting peer=0")
	}
}
