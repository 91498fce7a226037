package bus_test

import (
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
)

// The broker, caller and server share this process and its links are in
// memory: a measure of our own code without the kernel's.
func benchmarkCalls(b *testing.B, attached int, parallel bool) {
	s := bustest.New(b)
	mux, _ := nodeMux()
	s.Conn(roles.Node, "node", mux)
	worker, _ := s.Conn(roles.Worker, "worker.1", nil)
	req := question{N: 1, Frames: bus.Frames{Attached: [][]byte{make([]byte, attached)}}}
	b.SetBytes(int64(2 * attached))
	b.ReportAllocs()
	if !parallel {
		for b.Loop() {
			_, err := echo.Call(b.Context(), worker, req)
			require.NoError(b, err)
		}
		return
	}
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := echo.Call(b.Context(), worker, req); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkCall200B(b *testing.B)         { benchmarkCalls(b, 200, false) }
func BenchmarkCall200BParallel(b *testing.B) { benchmarkCalls(b, 200, true) }
func BenchmarkCall1MB(b *testing.B)          { benchmarkCalls(b, 1<<20, false) }
