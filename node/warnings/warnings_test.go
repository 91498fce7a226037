package warnings

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSet(t *testing.T) {
	var s Set
	require.Empty(t, s.List())
	require.NotNil(t, s.List())
	require.True(t, s.Set(InvalidChain, "invalid"))
	require.True(t, s.Set(UnknownRules, "bit 1"))
	require.False(t, s.Set(UnknownRules, "bit 2"), "there is one of the kind")
	require.Equal(t, []string{"bit 1", "invalid"}, s.List())
	s.Unset(UnknownRules)
	s.Unset(UnknownRules)
	require.Equal(t, []string{"invalid"}, s.List())
	require.True(t, s.Set(UnknownRules, "bit 2"))
}
