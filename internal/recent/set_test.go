package recent

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestASetIsBounded(t *testing.T) {
	s := NewSet[int](10)
	for i := range 100 {
		s.Add(i)
		require.True(t, s.Has(max(i-4, 0)), "the last half")
		require.LessOrEqual(t, len(s.young)+len(s.old), 10)
	}
	require.False(t, s.Has(80))
	s.Remove(99)
	require.False(t, s.Has(99))
	require.True(t, s.Has(98))
	s.Clear()
	require.False(t, s.Has(98))
}
