package chains_test

import (
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
)

// The expected values are Bitcoin Core's.
func TestTheTable(t *testing.T) {
	for _, want := range []struct {
		name, setting, folder string
		p2p, rpc              int
		hrp                   string
	}{
		{"main", "", "", 8333, 8332, "bc"},
		{"test", "testnet", "testnet3", 18333, 18332, "tb"},
		{"testnet4", "testnet4", "testnet4", 48333, 48332, "tb"},
		{"signet", "signet", "signet", 38333, 38332, "tb"},
		{"regtest", "regtest", "regtest", 18444, 18443, "bcrt"},
	} {
		c, err := chains.Named(want.name)
		require.NoError(t, err)
		require.Equal(t, want.name, c.Name)
		require.Equal(t, want.setting, c.Setting)
		require.Equal(t, want.folder, c.Folder)
		require.Equal(t, want.p2p, c.P2PPort())
		require.Equal(t, want.rpc, c.RPCPort)
		require.Equal(t, want.hrp, c.Params.Bech32HRPSegwit)
		require.EqualValues(t, chains.CoinbaseMaturity, c.Params.CoinbaseMaturity)
	}
	require.Len(t, chains.All(), 5)
	require.Same(t, &chaincfg.MainNetParams, chains.All()[0].Params, "the default comes first")
	for _, name := range []string{"", "mainnet", "testnet", "Main"} {
		_, err := chains.Named(name)
		require.Error(t, err, name)
	}
}

// A name, a setting, a folder, a port or a magic that two chains had would mix
// them up.
func TestNoTwoChainsShareAnything(t *testing.T) {
	seen := map[any]string{}
	once := func(c chains.Chain, what any) {
		require.Empty(t, seen[what], "%v of %s", what, c.Name)
		seen[what] = c.Name
	}
	for _, c := range chains.All() {
		once(c, "name "+c.Name)
		once(c, "setting "+c.Setting)
		once(c, "folder "+c.Folder)
		once(c, c.P2PPort())
		once(c, c.RPCPort)
		once(c, c.Params.Net)
		once(c, *c.Params.GenesisHash)
	}
}
