package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func digestOf(t *testing.T, c chain) string {
	t.Helper()
	path, err := chainFile(t.TempDir(), c, io.Discard)
	require.NoError(t, err)
	made, err := os.ReadFile(path)
	require.NoError(t, err)
	hash := sha256.Sum256(made)
	return hex.EncodeToString(hash[:])
}

// A digest that changes belongs to a generation that is counted up.
func TestASeedMakesTheSameBytes(t *testing.T) {
	require.Equal(t, 2, generation)
	mixed := tinyMix()
	mixed.Spending = 3
	for _, known := range []struct {
		chain  chain
		digest string
	}{
		{shape{Seed: 1, Funding: 120, Payments: 30, PerBlock: 20, Burying: 2}, "eaea7f0ac22ac0661608eb47e7184f23fe5d741996ead496e48492d2301a17a3"},
		{mixed, "0edfcb697f02cebc879c587279d462e9917bd70a6fdc0510b8c94aaee583fdda"},
	} {
		made := digestOf(t, known.chain)
		require.Equal(t, made, digestOf(t, known.chain), known.chain.name())
		require.Equal(t, known.digest, made, known.chain.name())
	}
	all := sha256.New()
	for _, k := range kinds {
		all.Write([]byte(digestOf(t, tinyKind(k))))
	}
	require.Equal(t, "e8a80044bc43da06a9e3adc1f4795ca27857dea3d4ae7b35ecf493ee5a6cb8c9", hex.EncodeToString(all.Sum(nil)), "the kinds")
}

func TestFilesTellChainsApart(t *testing.T) {
	names := map[string]bool{}
	chains := []chain{shapeOf(1), shapeOf(0.1), mixShapeOf(1), mixShapeOf(0.1)}
	chains = append(append(chains, kindShapes(1)...), kindShapes(0.1)...)
	for _, c := range chains {
		names[fileName(c)] = true
	}
	require.Len(t, names, len(chains))
	require.Contains(t, names, "chain-lightning-to_local-g2-1-450-40-500-144-40-1.dat")
}
