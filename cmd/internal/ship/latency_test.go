package ship

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg"
)

func TestPercentilesAreBoundsOfTheirBuckets(t *testing.T) {
	buckets := func(counts map[int]uint64) []uint64 {
		list := make([]uint64, msg.LatencyBuckets)
		for i, n := range counts {
			list[i] = n
		}
		return list
	}
	const last = msg.LatencyBuckets - 1
	for _, tc := range []struct {
		name   string
		counts map[int]uint64
		want   string
	}{
		{"one call", map[int]uint64{4: 1}, `"p50_us":16,"p99_us":16,"histogram":{"16":1}`},
		{"99 of 100", map[int]uint64{3: 99, 9: 1}, `"p50_us":8,"p99_us":8,"histogram":{"8":99,"512":1}`},
		{"98 of 100", map[int]uint64{3: 98, 9: 2}, `"p50_us":8,"p99_us":512,"histogram":{"8":98,"512":2}`},
		{"half", map[int]uint64{0: 1, 10: 1}, `"p50_us":1,"p99_us":1024,"histogram":{"1":1,"1024":1}`},
		{"beyond the last bound", map[int]uint64{2: 1, last: 1}, `"p50_us":4,"p99_us":null,"histogram":{"4":1,"inf":1}`},
		{"only beyond", map[int]uint64{last: 3}, `"p50_us":null,"p99_us":null,"histogram":{"inf":3}`},
		{"no call", nil, `"p50_us":null,"p99_us":null,"histogram":{}`},
	} {
		raw, err := json.Marshal(newLatency(msg.MethodStats{Latency: buckets(tc.counts)}))
		require.NoError(t, err)
		require.Contains(t, string(raw), tc.want, tc.name)
	}
	l := newLatency(msg.MethodStats{Calls: 4, Errors: 1, Micros: 10, Latency: buckets(map[int]uint64{2: 4})})
	require.Equal(t, uint64(2), l.Mean)
	require.Equal(t, uint64(1), l.Errors)
}
