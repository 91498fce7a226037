package session

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"
)

func sentFilters(b *bench) (rates []int64) {
	for _, s := range b.sent {
		if s.Type == "feefilter" {
			rates = append(rates, int64(binary.LittleEndian.Uint64(s.Payload)))
		}
	}
	b.sent = nil
	return rates
}

func TestFeeFilterAsksForNothingDuringInitialDownload(t *testing.T) {
	cfg := inboundConfig()
	cfg.Tip.Initial = true
	b := newBench(t, cfg)
	b.receive("version", versionMessage(70016, fullServices, 5, true))
	b.receive("verack", nil)
	require.Equal(t, []int64{9936506}, sentFilters(b), "Bitcoin Core's highest bucket")
	b.step(TipChanged{Tip: p2p.Tip{Height: 1, MinFeeRate: 100}})
	require.Equal(t, []int64{100}, sentFilters(b))
}

func TestFeeFilterFollowsALargeChangeSoon(t *testing.T) {
	cfg := inboundConfig()
	cfg.Tip.MinFeeRate = 100
	b := newBench(t, cfg)
	b.receive("version", versionMessage(70016, fullServices, 5, true))
	b.receive("verack", nil)
	require.Len(t, sentFilters(b), 1)
	b.s.fee.next = b.now.Add(time.Hour)
	b.step(TipChanged{Tip: p2p.Tip{MinFeeRate: 5000}})
	b.tickAfter(feeFilterChangeDelay + time.Second)
	rates := sentFilters(b)
	require.Len(t, rates, 1)
	require.InDelta(t, 5000, rates[0], 500)
}

func TestFeeFilterAtTheRelayFeeIsNotRounded(t *testing.T) {
	for seed := range uint64(9) {
		cfg := inboundConfig()
		cfg.Tip.MinFeeRate = cfg.MinRelayFeeRate
		cfg.Random = func() uint64 { return seed }
		b := newBench(t, cfg)
		b.receive("version", versionMessage(70016, fullServices, 5, true))
		b.receive("verack", nil)
		require.Equal(t, []int64{cfg.MinRelayFeeRate}, sentFilters(b))
	}
}

// TestAGuessIsCorrected: a worker may have a peer before it knows the tip.
func TestAGuessIsCorrected(t *testing.T) {
	b := established(t, inboundConfig())
	b.step(TipChanged{Tip: p2p.Tip{Hash: chainhash.Hash{1}, Initial: true}})
	require.Equal(t, []int64{roundDown(maxMoney)}, sentFilters(b))
	b.step(TipChanged{Tip: p2p.Tip{Hash: chainhash.Hash{2}, Initial: true}})
	require.Empty(t, b.types())
}
