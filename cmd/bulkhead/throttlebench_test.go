package main_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What BenchmarkThrottle sets, in bytes a second, and over what it measures.
const (
	benchRate   = 1_000_000
	benchLower  = 250_000
	benchTime   = 20 * time.Second
	benchActs   = 200 * time.Millisecond
	benchBlocks = 48
)

// BenchmarkThrottle measures how exactly rates are kept between bulkhead and real
// btcds, and whether a change acts within 200 ms. It takes a minute and a half:
//
//	go test -run '^$' -bench Throttle -benchtime 1x ./cmd/bulkhead
func BenchmarkThrottle(b *testing.B) {
	chain := bulkyChain(b, benchBlocks)
	b.Run("download", func(b *testing.B) { measure(b, downloading(b, chain, fmt.Sprintf("-maxdownloadrate=%d", benchRate))) })
	b.Run("upload", func(b *testing.B) { measure(b, uploading(b, chain, fmt.Sprintf("-maxuploadrate=%d", benchRate))) })
	b.Run("upload-to-four", func(b *testing.B) {
		s := uploading(b, chain, fmt.Sprintf("-maxuploadrate=%d", benchRate))
		for range 3 {
			more := startRelay(b, fmt.Sprintf("127.0.0.1:%d", s.n.p2pPort))
			startBtcd(b, "--connect="+more.address)
			s.counts = append(s.counts, &more.down)
		}
		measure(b, s)
	})
}

func measure(b *testing.B, s throttled) {
	for b.Loop() {
		s.flows(2 * benchRate)
		steady := s.rate(benchTime)
		s.set("total", benchLower)
		<-time.After(benchActs)
		ours := s.moved()
		lower := s.rate(2 * time.Second)
		ours = s.moved() - ours
		s.set("total", benchRate)
		<-time.After(benchActs)
		back := s.rate(2 * time.Second)
		b.ReportMetric(steady, "B/s")
		b.ReportMetric(100*(steady/benchRate-1), "%off")
		b.ReportMetric(lower, "B/s-lowered")
		b.ReportMetric(ours/2, "B/s-lowered-at-our-socket")
		b.ReportMetric(back, "B/s-raised")
		require.Less(b, math.Abs(steady/benchRate-1), 0.03)
	}
}

// moved is what bulkhead has counted itself: between it and the relay the system keeps
// what was sent before a limit was lowered.
func (s throttled) moved() float64 {
	s.n.t.Helper()
	name := map[string]string{"download": "totalbytesrecv", "upload": "totalbytessent"}[s.rpc]
	return s.n.object("getnettotals")[name].(float64)
}

// rate counts the bytes of a time over all connections, in bytes a second.
func (s throttled) rate(over time.Duration) float64 {
	total := func() (n int64) {
		for _, c := range s.counts {
			n += c.Load()
		}
		return n
	}
	began, before := time.Now(), total()
	<-time.After(over)
	return float64(total()-before) / time.Since(began).Seconds()
}
