package rpc_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
	noderpc "github.com/bulkheadnode/bulkhead/node/rpc"
	"github.com/bulkheadnode/bulkhead/node/snapshot"
)

// endingSets are those of a node that ends while one is loaded.
type endingSets struct{ noderpc.Sets }

func (endingSets) Load(context.Context, coins.SetHeader, *os.File) (*chain.BlockNode, error) {
	return nil, fmt.Errorf("loading: %w", chain.ErrInterrupted)
}

// TestACommandThatTheEndCutsShortSaysSo, as in Bitcoin Core.
func TestACommandThatTheEndCutsShortSaysSo(t *testing.T) {
	shuttingDown := rpc.Errorf(rpc.ClientNotConnected, "Shutting down")
	tip := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(5, 0)
	c := newIndexedChain(t, tip)
	c.owner.Stop()
	require.Equal(t, shuttingDown, c.ask(t.Context(), "verifychain", `[]`))
	require.Equal(t, shuttingDown, c.ask(t.Context(), "preciousblock", `["`+tip.Hash.String()+`"]`))

	p := chaintest.Regtest(t)
	magic := snapshot.Magic(p.Net)
	path := filepath.Join(t.TempDir(), "set.dat")
	header := append(append([]byte("utxo\xff\x02\x00"), magic[:]...), make([]byte, 32+8)...)
	require.NoError(t, os.WriteFile(path, header, 0o600))
	c.table = noderpc.Table(&noderpc.Node{Params: p, Sets: endingSets{}, Log: slog.New(slog.DiscardHandler)})
	require.Equal(t, shuttingDown, c.ask(t.Context(), "loadtxoutset", `["`+path+`"]`))
}

// TestFilesAreTheFirstArguments: what the gateway takes for a path is one.
func TestFilesAreTheFirstArguments(t *testing.T) {
	uses := map[string]rpc.Use{}
	for _, c := range noderpc.Table(&noderpc.Node{}) {
		use := rpc.FileUse(c.Name)
		if use != 0 {
			uses[c.Name] = use
		}
		paths := []string{}
		for i, p := range c.Params {
			if p.Name == "path" || p.Name == "filepath" {
				paths = append(paths, p.Name)
				require.Zero(t, i, c.Name)
			}
		}
		require.Equal(t, use != 0 && use != rpc.ReplaceFile, len(paths) == 1, "%s could not open it", c.Name)
	}
	require.Equal(t, map[string]rpc.Use{
		"dumptxoutset": rpc.MakeFile, "loadtxoutset": rpc.ReadFile, "importmempool": rpc.ReadFile, "savemempool": rpc.ReplaceFile,
	}, uses)
}
