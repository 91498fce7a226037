package bus

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// A few small events do not keep a slab that they share with others; many fill
// one that is theirs.
func TestFewEventsHaveMemoryOfTheirOwn(t *testing.T) {
	var w slabWriter
	const size = 200
	for events := range slabBytes / (bodyHead + size) {
		before, _ := w.copy([]byte{1})
		var b bundle
		for i := range events {
			body := bytes.Repeat([]byte{byte(i)}, size)
			if i == 0 {
				w.begin(&b, body)
			}
			require.True(t, w.fits(body))
			w.add(&b, body)
		}
		w.part(&b)
		after, _ := w.copy(bytes.Repeat([]byte{255}, smallBody))
		require.Equal(t, events*(bodyHead+size) >= slabBytes/8, b.slab != nil, "%d events", events)
		require.Equal(t, []byte{1}, before)
		for i := range events {
			require.Equal(t, bytes.Repeat([]byte{byte(i)}, size), b.shift().body, "event %d of %d", i, events)
		}
		require.Equal(t, bytes.Repeat([]byte{255}, smallBody), after)
		w.close() // so that the next begin in a slab of their own
	}
}
