package consensus_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// What is known of the default signet says nothing of another.
func TestProgressOfAnotherSignet(t *testing.T) {
	const old, now = 1_600_000_000, 1_800_000_000
	theirs, err := consensus.ForChain("signet", "")
	require.NoError(t, err)
	ours, err := consensus.ForChain("signet", "51")
	require.NoError(t, err)
	require.Less(t, theirs.TxRate.Progress(3, old, now), 1e-6)
	require.EqualValues(t, 1, ours.TxRate.Progress(3, old, now))
	require.Zero(t, ours.TxRate.Progress(0, old, now))
}
