package bus

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// bundled returns a bundle of so many bodies, which share a slab with what was
// there before and what comes after.
func bundled(t *testing.T, w *slabWriter, events, size int) bundle {
	t.Helper()
	w.copy([]byte{1})
	var b bundle
	for i := range events {
		body := bytes.Repeat([]byte{byte(i)}, size)
		if i == 0 {
			w.begin(&b, body)
		}
		require.True(t, w.fits(body))
		w.add(&b, body)
	}
	w.copy(bytes.Repeat([]byte{255}, smallBody))
	return b
}

// A few events that nobody takes do not keep the slabs that they share with
// other messages: those would be far more memory than the bound counts.
func TestEventsThatWaitKeepNoSlabs(t *testing.T) {
	const size = 200
	for events := 1; events < slabBytes/(bodyHead+size)-8; events++ {
		var w slabWriter
		q := eventQueue{wake: make(chan struct{}, 1)}
		bundles := 0
		for q.events <= 2*promptEvents {
			q.push(bundled(t, &w, events, size))
			w.close()
			bundles++
		}
		held := 0
		for i := range q.queue {
			if q.queue[i].slab != nil {
				held++
			}
		}
		if few := events*(bodyHead+size) < slabBytes/8; few {
			require.LessOrEqual(t, held, promptEvents/events+1, "%d bundles of %d events", bundles, events)
		} else {
			require.Equal(t, bundles, held, "%d bundles of %d events", bundles, events)
		}
		for range bundles {
			for i := range events {
				ev, ok, _ := q.pop()
				require.True(t, ok)
				require.Equal(t, bytes.Repeat([]byte{byte(i)}, size), ev.body)
			}
		}
	}
}
