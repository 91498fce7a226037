package session

import (
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// leading is a peer that has fifteen minutes for all its headers.
func leading(t *testing.T, may p2p.Permissions) *bench {
	cfg := inboundConfig()
	cfg.Permissions = may
	b := established(t, cfg)
	req := answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}, Patience: (15 * time.Minute).Milliseconds()})
	require.Equal(t, may.Has(p2p.NoBan), req.Preferred)
	b.pass(15 * time.Minute)
	require.False(t, b.asked(p2p.LocatorRequest{}))
	at, ok := b.s.Due()
	require.True(t, ok)
	require.False(t, at.After(b.now.Add(time.Second)))
	b.pass(time.Second)
	return b
}

func TestALeadThatIsTooSlowGoes(t *testing.T) {
	b := leading(t, 0)
	require.True(t, answer[p2p.LocatorRequest](b, p2p.LocatorReply{}).Overdue)
	b.pass(headersRetry + time.Second)
	require.Nil(t, b.gone, "there is no other")
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Late: true})
	require.NotNil(t, b.gone)
	require.False(t, b.gone.Discourage)
	b.logged("Timeout downloading headers, disconnecting peer=0")

	b = leading(t, p2p.NoBan)
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Late: true})
	require.Nil(t, b.gone)
	b.logged("Timeout downloading headers from noban peer, not disconnecting peer=0")
	b.pass(time.Second)
	require.False(t, b.asked(p2p.LocatorRequest{}), "others come first")
	b.pass(headersRetry)
	require.True(t, answer[p2p.LocatorRequest](b, p2p.LocatorReply{Wait: true}).Begin)

	b = leading(t, 0)
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Over: true})
	b.pass(10 * time.Minute)
	require.False(t, b.asked(p2p.LocatorRequest{}), "it does not lead any more")
}

// TestAnAnnouncementIsFollowedEarlyOnce, and only if no other is asked for the block.
func TestAnAnnouncementIsFollowedEarlyOnce(t *testing.T) {
	b := established(t, inboundConfig())
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Wait: true})
	announce := func(block byte) {
		b.receive("inv", encodeInventory([]wire.InvVect{{Type: wire.InvTypeBlock, Hash: chainhash.Hash{block}}}))
	}
	b.sent = nil
	announce(1)
	require.True(t, answer[p2p.LocatorRequest](b, p2p.LocatorReply{Wait: true}).Early)
	require.NotContains(t, b.types(), "getheaders")
	announce(2)
	require.True(t, answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{9}}}).Early)
	require.Contains(t, b.types(), "getheaders")
	announce(3)
	require.False(t, b.asked(p2p.LocatorRequest{}))
}
