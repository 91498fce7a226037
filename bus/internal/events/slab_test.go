package events

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// batched returns a batch of so many bodies, which share a slab with what was
// there before and what comes after.
func batched(t *testing.T, w *Writer, events, size int) Batch {
	t.Helper()
	w.Copy([]byte{1})
	var b Batch
	for i := range events {
		body := bytes.Repeat([]byte{byte(i)}, size)
		require.True(t, i == 0 || b.Room(w, body))
		b.Append(w, body)
	}
	w.Copy(bytes.Repeat([]byte{255}, SmallBody))
	return b
}

// A few events that nobody takes do not keep the slabs that they share with
// other messages: those would be far more memory than the bound counts.
func TestEventsThatWaitKeepNoSlabs(t *testing.T) {
	const size = 200
	for events := 1; events < slabBytes/(bodyHead+size)-8; events++ {
		var w Writer
		q := New()
		batches := 0
		for q.events <= 2*promptEvents {
			q.Push(batched(t, &w, events, size))
			w.Close()
			batches++
		}
		held := 0
		for i := range q.queue {
			if q.queue[i].slab != nil {
				held++
			}
		}
		if few := events*(bodyHead+size) < slabBytes/8; few {
			require.LessOrEqual(t, held, promptEvents/events+1, "%d batches of %d events", batches, events)
		} else {
			require.Equal(t, batches, held, "%d batches of %d events", batches, events)
		}
		for range batches {
			for i := range events {
				ev, ok, _ := q.Pop()
				require.True(t, ok)
				require.Equal(t, bytes.Repeat([]byte{byte(i)}, size), ev.Body)
			}
		}
	}
}
