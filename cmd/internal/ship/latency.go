package ship

import (
	"bytes"
	"context"
	"fmt"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// latency is how long the calls of one method took. Percentiles are the upper
// bounds of the buckets they lie in, nil for the last, which has none.
type latency struct {
	Calls     uint64    `json:"calls"`
	Errors    uint64    `json:"errors"`
	Mean      uint64    `json:"mean_us"`
	P50       *uint64   `json:"p50_us"`
	P99       *uint64   `json:"p99_us"`
	Histogram histogram `json:"histogram"`
}

func newLatency(m msg.MethodStats) latency {
	h := histogram(m.Latency)
	return latency{
		Calls: m.Calls, Errors: m.Errors, Mean: m.Micros / max(h.total(), 1),
		P50: h.percentile(50), P99: h.percentile(99), Histogram: h,
	}
}

// histogram counts calls as msg.MethodStats.Latency does.
type histogram []uint64

// total is the number of calls that were answered.
func (h histogram) total() (n uint64) {
	for _, count := range h {
		n += count
	}
	return n
}

// percentile returns the bound below which p percent of the calls lie, nil if
// there is no such bound or no call.
func (h histogram) percentile(p uint64) *uint64 {
	var below uint64
	total := h.total()
	rank := (total*p + 99) / 100
	for i, n := range h[:max(len(h)-1, 0)] {
		if below += n; below >= rank && total > 0 {
			bound := uint64(1) << i
			return &bound
		}
	}
	return nil
}

// MarshalJSON shows the buckets that hold anything, by their upper bounds in
// microseconds, lowest first.
func (h histogram) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, n := range h {
		if n == 0 {
			continue
		}
		bound := fmt.Sprint(uint64(1) << i)
		if i == len(h)-1 {
			bound = "inf"
		}
		fmt.Fprintf(&b, `,"%s":%d`, bound, n)
	}
	return fmt.Appendf(nil, "{%s}", bytes.TrimPrefix(b.Bytes(), []byte(","))), nil
}

// latencies returns, by instance, the methods that it offers and that were
// called.
func (s *ship) latencies(ctx context.Context) (map[string]map[string]latency, error) {
	conn := s.conn.Load()
	if conn == nil {
		return nil, bus.ErrClosed
	}
	registry, err := msg.Registry.Call(ctx, conn, bus.None{})
	if err != nil {
		return nil, err
	}
	called := map[string]latency{}
	for _, m := range s.broker.Methods() {
		if m.Calls > 0 {
			called[m.Method] = newLatency(m)
		}
	}
	byInstance := map[string]map[string]latency{}
	for _, entry := range registry.Links {
		methods := map[string]latency{}
		for _, name := range entry.Offers {
			if l, ok := called[name]; ok {
				methods[name] = l
			}
		}
		byInstance[entry.Instance] = methods
	}
	return byInstance, nil
}
