package p2pworker

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// TestANonceIsOursForAHandshake: any worker with the key knows it, later nobody does, and
// others are not ours.
func TestANonceIsOursForAHandshake(t *testing.T) {
	key, now := make([]byte, 32), time.Unix(1_700_000_000, 0)
	n := makeNonce(key, 7, now)
	require.True(t, isOurNonce(key, n, now))
	require.True(t, isOurNonce(key, n, now.Add(time.Minute)))
	require.False(t, isOurNonce(key, n, now.Add(4*time.Minute)))
	require.False(t, isOurNonce(key, n, now.Add(-2*time.Minute)))
	require.False(t, isOurNonce(key, n^1, now))
	require.False(t, isOurNonce([]byte{1}, n, now))
	wrapped := time.Unix(65_536*60-1, 0)
	require.True(t, isOurNonce(key, makeNonce(key, 7, wrapped), wrapped.Add(time.Minute)))
}

// TestAPrivateConnectionIsNotMarked: who shows its nonce at another door of ours is let
// in like anybody.
func TestAPrivateConnectionIsNotMarked(t *testing.T) {
	w := &worker{}
	w.random.source = rand.NewChaCha8([32]byte{1})
	key := make([]byte, 32)
	require.True(t, isOurNonce(key, w.nonceFor(p2p.FullRelay, key), time.Now()))
	for range 1000 {
		n := w.nonceFor(p2p.PrivateBroadcast, key)
		require.NotEqual(t, nonceMAC(key, uint32(n>>32)), uint32(n))
	}
}
