package session

import (
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// sleepUntil ticks when something is due, until the clock shows t.
func (b *bench) sleepUntil(t time.Time) {
	for b.gone == nil {
		at, ok := b.s.Due()
		if !ok || at.After(t) {
			break
		}
		if at.After(b.now) {
			b.now = at
		}
		b.step(Tick{LastSend: b.now, LastReceive: b.now})
	}
	b.now = t
}

// The node may take its time for a block: the peer has its own after that.
func TestThePeerHasItsTimeAfterTheNodeTookIts(t *testing.T) {
	b, _ := submitting(t)
	begun := b.now
	b.sleepUntil(begun.Add(59 * time.Second))
	require.Nil(t, b.gone)
	answer[p2p.SubmitBlockRequest](b, p2p.SubmitReply{New: true})
	b.sleepUntil(begun.Add(118 * time.Second))
	require.Nil(t, b.gone, "59 s after the node was done")
	b.sleepUntil(begun.Add(120 * time.Second))
	require.NotNil(t, b.gone)
	require.Contains(t, b.gone.Reason, "Timeout downloading block")
}

// An idle session is woken for its pings, and for little else.
func TestAnIdleSessionSleeps(t *testing.T) {
	b := established(t, inboundConfig())
	woken := 0
	for end := b.now.Add(time.Hour); b.now.Before(end); woken++ {
		at, ok := b.s.Due()
		require.True(t, ok)
		b.now = at
		b.step(Tick{LastSend: b.now, LastReceive: b.now})
		b.receive("pong", lastPing(b))
	}
	require.Less(t, woken, 3*60, "in an hour")
}

// lastPing returns the payload of the ping that was sent last, if any.
func lastPing(b *bench) []byte {
	for _, m := range b.sent {
		if m.Type == "ping" {
			b.sent = nil
			return m.Payload
		}
	}
	return make([]byte, 8)
}

// A node that has nothing for us now is asked again although the clock stands still.
func TestARefusedLeaseIsAskedForOnRealTime(t *testing.T) {
	cfg := inboundConfig()
	real := time.Unix(2_000_000_000, 0)
	cfg.Steady = func() time.Time { return real }
	b := established(t, cfg)
	answer[p2p.LocatorRequest](b, p2p.LocatorReply{Hashes: []chainhash.Hash{{1}}})
	raw, hashes := chainOf(b.s.tip.Hash, 3)
	b.receive("headers", encodeHeaders(raw))
	answer[p2p.SubmitHeadersRequest](b, p2p.SubmitHeadersReply{New: 3, Last: hashes[2], Height: 3, Download: true})
	answer[p2p.LeaseRequest](b, p2p.LeaseReply{Retry: true})
	at, ok := b.s.Retry()
	require.True(t, ok)
	require.Equal(t, real.Add(leaseRetry), at)
	b.tickAfter(0)
	require.False(t, b.asked(p2p.LeaseRequest{}), "not at once")
	real = at
	b.tickAfter(0)
	answer[p2p.LeaseRequest](b, p2p.LeaseReply{Hashes: hashes, Seconds: 60})
	require.Contains(t, b.types(), "getdata")
}
