package session

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

func TestReconciliationKey(t *testing.T) {
	tests := []struct{ a, b, k0, k1 uint64 }{
		{2, 1, 0x5a63d27439e052a4, 0xc8daf59f8d6921b9},
		{0xfedcba9876543210, 0x0123456789abcdef, 0xf20583ed3b1cacc, 0xfae571f9fb65ed2a},
	}
	for _, tt := range tests {
		k0, k1 := reconciliationKey(tt.a, tt.b)
		require.Equal(t, [2]uint64{tt.k0, tt.k1}, [2]uint64{k0, k1})
		k0, k1 = reconciliationKey(tt.b, tt.a)
		require.Equal(t, [2]uint64{tt.k0, tt.k1}, [2]uint64{k0, k1}, "the peer's view")
	}
}

// Two sessions that talk to each other agree on the same.
func TestReconciliationIsAgreedByBothEnds(t *testing.T) {
	ends := [2]*bench{}
	for i, kind := range []p2p.ConnectionType{p2p.FullRelay, p2p.Inbound} {
		cfg := inboundConfig()
		cfg.Type, cfg.Reconciles = kind, true
		random := cfg.Random
		cfg.Random = func() uint64 { return random() + uint64(i) }
		cfg.IsOwnNonce = nil
		ends[i] = newBench(t, cfg)
	}
	for range 3 { // version, what follows it, what follows verack
		for i, b := range ends {
			sent := b.sent
			b.sent = nil
			for _, m := range sent {
				ends[1-i].receive(m.Type, m.Payload)
			}
		}
	}
	chooser, chosen := ends[0].s.recon, ends[1].s.recon
	require.Equal(t, reconciliationAgreed, chooser.step)
	require.True(t, chooser.weInitiate)
	require.EqualValues(t, 1, chooser.version)
	require.Zero(t, chooser.salt, "of no use any more")
	require.NotZero(t, chooser.k0)
	chooser.weInitiate = false
	require.Equal(t, chooser, chosen)
}

// The salts of two connections tell nothing of each other.
func TestReconciliationSaltsDiffer(t *testing.T) {
	cfg := inboundConfig()
	cfg.Reconciles = true
	salts := map[uint64]bool{}
	for range 4 {
		b := newBench(t, cfg)
		b.receive("version", versionMessage(70016, fullServices, 5, true))
		for _, m := range b.sent {
			if m.Type == "sendtxrcncl" {
				salts[binary.LittleEndian.Uint64(m.Payload[4:])] = true
			}
		}
	}
	require.Len(t, salts, 4)
}
