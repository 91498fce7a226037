package main

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bench/internal/machine"
)

// A running node takes all payments that its peers bring, in one process and in
// many.
func TestMempoolsTakeAllPayments(t *testing.T) {
	shape := poolShapeOf(1)
	shape.PerBlock = 20
	c := config{
		chains: []chain{shape}, mempool: true, rounds: 1, cache: t.TempDir(),
		run: regexp.MustCompile(`^bulkhead \(pure Go\)( -multiprocess=0)?$`),
	}
	r, err := measurePool(t.Context(), c, io.Discard)
	require.NoError(t, err)
	require.Len(t, r.shown, 2)
	for _, s := range r.shown {
		require.Positive(t, r.rounds[s][0].took)
		require.Positive(t, r.rounds[s][0].use.cpu)
	}
	var text strings.Builder
	require.NoError(t, r.writePool(&text, c, machine.Machine{}))
	require.Contains(t, text.String(), "160 P2WPKH transactions from 8 peers")
	require.Contains(t, text.String(), "| bulkhead (pure Go): at least 5000 transactions a second |")
}
