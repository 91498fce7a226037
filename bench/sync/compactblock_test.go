package main

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bench/internal/machine"
)

// Blocks are made of what the mempool has and what the bringer is asked for, relayed
// and connected.
func TestCompactBlocksAreMadeWhole(t *testing.T) {
	shape := poolShapeOf(1)
	shape.PerBlock = 20
	c := config{
		chains: []chain{shape}, mempool: true, compact: true, rounds: 1, cache: t.TempDir(),
		run: regexp.MustCompile(`^bulkhead \(pure Go\)( -multiprocess=0)?$`),
	}
	r, found, err := measureCompact(t.Context(), c, io.Discard)
	require.NoError(t, err)
	require.Len(t, found, 2)
	for _, s := range r.shown {
		f := found[s]
		require.Len(t, f.whole.relayed, poolBlockCount/2-1, "the first is not counted")
		require.Len(t, f.whole.tip, poolBlockCount/2-1)
		require.Len(t, f.lacking.relayed, poolBlockCount/2)
		require.Len(t, f.lacking.tip, poolBlockCount/2)
	}
	var text strings.Builder
	require.NoError(t, r.writeCompact(&text, c, machine.Machine{}, found))
	require.Contains(t, text.String(), "8 compact blocks of 20 P2WPKH transactions, of every other of which 10 are in no mempool")
	require.Contains(t, text.String(), "| bulkhead (pure Go) -multiprocess=0 |")
}
