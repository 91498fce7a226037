package link

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

// arriving returns a function that brings a message with a body of the given
// size again and again, as a broker's reader keeps it.
func arriving(t *testing.T, size int) func() *Message {
	t.Helper()
	frames := &backlog{}
	frames.frame([]byte("head"), zmtp.More)
	frames.frame(make([]byte, size), 0)
	var wire []byte
	for _, s := range frames.segments {
		wire = append(wire, s.data...)
	}
	from := &script{piece: 1 << 20}
	r := &reader{t: newTransport(from), limits: Limits{}.withDefaults(), idle: func() {}, read: func() {}}
	t.Cleanup(r.close)
	return func() *Message {
		from.in = wire
		m, _, err := r.next()
		require.NoError(t, err)
		return m
	}
}

// inUse is what the process has taken for its heap and the books of it.
func inUse() int {
	for range 3 { // so that the pools are empty
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.MSpanInuse)
}

// TestAQueueHoldsNoMoreMemoryThanItsBound: whatever the size of messages, the
// memory that those take which a peer does not read is within the bound.
func TestAQueueHoldsNoMoreMemoryThanItsBound(t *testing.T) {
	const bound = 16 << 20
	for _, size := range []int{200, 1000, 10_000, 60_000, 70_000, 300_000, 1_000_000} {
		for _, priority := range []Priority{Ordinary, Reserved} {
			next := arriving(t, size)
			to := &script{}
			box := &outbox{t: newTransport(to), limits: Limits{QueueBytes: bound, QueueMessages: 1 << 20}.withDefaults()}
			next()
			before := inUse()
			queued := 0
			for ; ; queued++ {
				if _, err := box.forward([]byte("header"), next(), int(priority)); err != nil {
					require.ErrorIs(t, err, ErrFull)
					break
				}
			}
			grown, held := inUse()-before, box.backlog.held
			t.Logf("%d messages of %d bytes: %d bytes held, %d grown", queued, size, held, grown)
			require.LessOrEqual(t, held, bound*int(priority))
			require.Less(t, grown, bound*int(priority), "messages of %d bytes", size)
			require.Greater(t, queued*size, bound*int(priority)*3/5, "the bound is made use of")
			emptied(t, box)
		}
	}
}

// emptied writes what is queued and looks at what is left.
func emptied(t *testing.T, box *outbox) {
	t.Helper()
	box.flush()
	require.NoError(t, box.drain(t.Context()))
	require.Zero(t, box.backlog.held)
	require.Zero(t, box.backlog.bytes)
	require.Nil(t, box.backlog.open)
	require.LessOrEqual(t, cap(box.backlog.segments), maxBuffers)
	require.NoError(t, box.shut())
}

// recount works out from what is queued what a backlog should count.
func recount(b *backlog) (bytes, held int) {
	chunks := map[*block]bool{}
	if b.open != nil {
		chunks[b.open] = true
	}
	for _, s := range b.segments {
		bytes += len(s.data)
		switch {
		case s.copied:
			chunks[s.from] = true
		case s.from != nil:
			held += allocated(len(s.from.mem))
		default:
			held += s.held
		}
	}
	return bytes, held + len(chunks)*allocated(chunkBytes) + tableCost(cap(b.segments))
}

// TestABacklogCountsWhatItHolds: whatever is queued and however little of it
// is written at a time, the price of a message is what it came to hold, the
// counts are those of the memory, and the bytes come out in order.
func TestABacklogCountsWhatItHolds(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	sizes := []int{0, 1, 254, 255, 256, 4000, largeFrame - 1, largeFrame, chunkBytes, bufferBytes, 100_000, blockBytes}
	next := make([]func() *Message, len(sizes))
	for i, size := range sizes {
		next[i] = arriving(t, size)
	}
	b := &backlog{}
	var want, got []byte
	largest := 0 // table
	for round := range 3000 {
		growing := round/300%2 == 0
		if random.IntN(4) > 0 == growing {
			i := random.IntN(len(sizes))
			var f freight
			queue := func(b *backlog) { b.frame(make([]byte, sizes[i], sizes[i]+round), 0) }
			if random.IntN(2) == 0 {
				m := next[i]()
				f.message(m)
				queue = func(b *backlog) { b.message(m) }
			} else {
				f.frame(make([]byte, sizes[i], sizes[i]+round))
			}
			before, price := b.held, b.price(&f)
			b.reserve(&f)
			queue(b)
			b.end()
			require.Equal(t, before+price, b.held)
			alone := &backlog{}
			queue(alone)
			want = append(want, front(alone, alone.bytes)...)
			alone.drop()
			largest = max(largest, cap(b.segments))
		} else if b.bytes > 0 {
			most := 20_000
			if !growing {
				most = 400_000
			}
			n := 1 + random.IntN(min(b.bytes, most))
			got = append(got, front(b, n)...)
			b.advance(n)
		}
		size, held := recount(b)
		require.Equal(t, size, b.bytes)
		require.Equal(t, held, b.held)
	}
	require.Greater(t, largest, 2*maxBuffers, "the table has been large")
	got = append(got, front(b, b.bytes)...)
	require.True(t, bytes.Equal(want, got))
	b.advance(b.bytes)
	require.Zero(t, b.held)
}

func front(b *backlog, n int) (wire []byte) {
	for _, s := range b.segments {
		if n == 0 {
			break
		}
		part := s.data[:min(n, len(s.data))]
		wire = append(wire, part...)
		n -= len(part)
	}
	return wire
}

// TestSharedContentCountsForEachLink: what several links hold is freed by the
// last of them, so each counts it.
func TestSharedContentCountsForEachLink(t *testing.T) {
	next := arriving(t, 300_000)
	m := next()
	boxes := make([]*outbox, 3)
	for i := range boxes {
		boxes[i] = &outbox{t: newTransport(&script{}), limits: Limits{}.withDefaults()}
		_, err := boxes[i].forward([]byte("header"), m, 1)
		require.NoError(t, err)
	}
	for _, box := range boxes {
		require.Greater(t, box.backlog.held, 300_000)
		emptied(t, box)
	}
	require.EqualValues(t, 1, m.blocks[0].refs.Load(), "the message's own")
}
