package slots_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bulkheadnode/bulkhead/bus/internal/slots"
)

// TestATableIsAMapWithIdsThatNeverReturn holds a table against a plain map.
func TestATableIsAMapWithIdsThatNeverReturn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table slots.Table[int]
		const limit = 8
		present, ever := map[uint64]int{}, []uint64{}
		for step := range rapid.IntRange(1, 200).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "put") {
				id, ok := table.Put(step, limit)
				require.Equal(t, len(present) < limit, ok)
				if ok {
					require.NotContains(t, ever, id)
					require.NotZero(t, id)
					present[id], ever = step, append(ever, id)
				}
			} else if len(ever) > 0 {
				id := rapid.SampledFrom(ever).Draw(t, "id")
				want, in := present[id]
				got, ok := table.Take(id)
				require.Equal(t, in, ok)
				require.Equal(t, want, got)
				delete(present, id)
			}
			require.Equal(t, len(present), table.Len())
			found := map[uint64]int{}
			table.All(func(id uint64, v *int) { found[id] = *v })
			require.Equal(t, present, found)
			for _, id := range ever {
				_, in := present[id]
				require.Equal(t, in, table.Get(id) != nil)
			}
		}
	})
}
