package consensus

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The first two changes of mainnet's difficulty, and the bounds of any.
func TestPermittedTransitions(t *testing.T) {
	main, err := ForChain("main", "")
	require.NoError(t, err)
	regtest, err := ForChain("regtest", "")
	require.NoError(t, err)
	for _, tt := range []struct {
		height    int32
		old, bits uint32
		ok        bool
	}{
		{32256, 0x1d00ffff, 0x1d00d86a, true},
		{32257, 0x1d00d86a, 0x1d00d86a, true}, {32257, 0x1d00d86a, 0x1d00ffff, false},
		{34272, 0x1d00d86a, 0x1d00c428, true},
		{2016, 0x1d00ffff, 0x1c3fffc0, true}, {2016, 0x1d00ffff, 0x1c3fffbf, false}, // a quarter
		{2016, 0x1c05a3f4, 0x1c168fd0, true}, {2016, 0x1c05a3f4, 0x1c168fd1, false}, // four times
		{2016, 0x1d00ffff, 0x1d00ffff, true}, {2016, 0x1d00ffff, 0x1d010000, false}, // the limit
	} {
		require.Equal(t, tt.ok, PermittedTransition(main, tt.height, tt.old, tt.bits), tt)
		require.True(t, PermittedTransition(regtest, tt.height, tt.old, tt.bits))
	}
}
