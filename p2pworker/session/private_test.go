package session

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Nothing in the version is of this node, or of this time, but the nonce.
func TestAPrivateVersionTellsNothing(t *testing.T) {
	cfg := inboundConfig()
	cfg.Type, cfg.UserAgent, cfg.RemoteServices = p2p.PrivateBroadcast, "/Bulkhead:0.1.0(ours)/", fullServices
	b := newBench(t, cfg)
	require.Len(t, b.sent, 1)
	require.Equal(t, wire.CmdVersion, b.sent[0].Type)
	zeros := func(n int) string { return hex.EncodeToString(make([]byte, n)) }
	want := "80110100" + zeros(8+8+26+26) + "6300000000000000" + "0e" + hex.EncodeToString([]byte("/pynode:0.0.1/")) + zeros(4+1)
	require.Equal(t, want, hex.EncodeToString(b.sent[0].Payload))
}

// A user's message is not sent, and the end of the connection is carried out.
func TestAPrivateConnectionObeysNobodyButTheEnd(t *testing.T) {
	cfg := inboundConfig()
	cfg.Type = p2p.PrivateBroadcast
	b := newBench(t, cfg)
	b.sent = nil
	b.step(SendRaw{Type: "addr"})
	b.step(NodeRestarted{})
	require.Empty(t, b.sent)
	at, ok := b.s.Due()
	require.True(t, ok)
	require.Equal(t, b.now.Add(cfg.PeerTimeout+1), at)
	b.step(Kick{Code: p2p.EndedByUser, Reason: "disconnect by id"})
	require.Equal(t, p2p.EndedByUser, b.gone.Code)
	_, ok = b.s.Due()
	require.False(t, ok)
	require.Less(t, cfg.PeerTimeout, privateLifetime)
	require.Equal(t, 3*time.Minute, privateLifetime)
}
