package node

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What is known of the default signet says nothing of another.
func TestProgressOfAnotherSignet(t *testing.T) {
	const old, now = 1_600_000_000, 1_800_000_000
	theirs, ours := Config{Chain: "signet"}, Config{Chain: "signet", SignetChallenge: "51"}
	require.Less(t, theirs.knownRate().progress(3, old, now), 1e-6)
	require.EqualValues(t, 1, ours.knownRate().progress(3, old, now))
	require.Zero(t, ours.knownRate().progress(0, old, now))
}
