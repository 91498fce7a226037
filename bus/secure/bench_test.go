package secure

import (
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

// BenchmarkFrames sends frames from a client to a server over a pair of unix
// sockets, small ones in writes of 64 KiB as bus/link makes them.
func BenchmarkFrames(b *testing.B) {
	for _, test := range []struct {
		name          string
		size, perCall int
	}{{"200B", 200, 64 << 10 / 202}, {"200B-one-by-one", 200, 1}, {"1MB", 1 << 20, 1}} {
		b.Run(test.name, func(b *testing.B) {
			server, client := connect(b, Limits{})
			var batch []byte
			for range test.perCall {
				batch = append(batch, frame{0, make([]byte, test.size)}.bytes()...)
			}
			received := make(chan error, 1)
			total := 0
			rounds := make(chan int, 1)
			go func() {
				p, got, want, err := make([]byte, 64<<10), 0, -1, error(nil)
				for err == nil && got != want {
					var n int
					n, err = server.Conn.Read(p)
					got += n
					select {
					case r := <-rounds:
						want = r * len(batch)
					default:
					}
				}
				received <- err
			}()
			b.SetBytes(int64(test.size * test.perCall))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := client.Write(batch); err != nil {
					b.Fatal(err)
				}
				total++
			}
			// The last round comes after its number, so that the reader wakes.
			rounds <- total + 1
			_, err := client.Write(batch)
			require.NoError(b, err)
			require.NoError(b, <-received)
			b.ReportMetric(float64(total*test.perCall)/b.Elapsed().Seconds(), "frames/s")
		})
	}
}

// BenchmarkSeal and BenchmarkOpen are one side's work alone, without sockets.
func BenchmarkSeal(b *testing.B) { benchmarkSizes(b, benchmarkSeal) }

func BenchmarkOpen(b *testing.B) { benchmarkSizes(b, benchmarkOpen) }

func benchmarkSizes(b *testing.B, run func(*testing.B, int)) {
	b.Run("200B", func(b *testing.B) { run(b, 200) })
	b.Run("1MB", func(b *testing.B) { run(b, 1<<20) })
}

func benchmarkSeal(b *testing.B, size int) {
	w := &writer{dst: io.Discard, maxFrame: DefaultMaxFrame, phase: inTraffic}
	w.start(shakenSession())
	f := frame{0, make([]byte, size)}.bytes()
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.write(f); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkOpen(b *testing.B, size int) {
	w := &writer{maxFrame: DefaultMaxFrame, plain: make([]byte, 1+size)}
	w.start(shakenSession())
	require.NoError(b, w.seal())
	r := &reader{inbox: newInbox(nil), maxFrame: DefaultMaxFrame}
	r.start(shakenSession(), nil)
	p := make([]byte, size+zmtp.LongHead)
	_, head := parseHead(w.out)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		r.received = 0
		if _, err := r.open(p, w.out[head:]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHandshake is both sides' work for one handshake.
func BenchmarkHandshake(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		server, client := connect(b, Limits{})
		server.Close()
		client.Close()
	}
}

// BenchmarkIdleMemory states what a connection holds after its handshake.
func BenchmarkIdleMemory(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var held []*nullPeer
	for b.Loop() {
		server, client := connect(b, Limits{})
		server.r, client.r = nil, nil
		held = append(held, server, client)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(len(held)), "B/connection")
	runtime.KeepAlive(held)
}
