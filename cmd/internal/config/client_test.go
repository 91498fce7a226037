package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
)

// clientOptions are some of a client's.
func clientOptions() map[string]config.Option {
	return config.ByName(config.ChainOptions(), []config.Option{
		{Name: "datadir", Affirmative: true}, {Name: "conf"}, {Name: "rpcport", PerChain: true},
		{Name: "rpccookiefile"}, {Name: "rpcid", Affirmative: true, Valued: true}, {Name: "named"},
	})
}

func TestOptionsEndAtTheFirstWord(t *testing.T) {
	s, words, err := config.ParseOptions(clientOptions(), []string{"-named", "--rpcport=7", "echo", "-named=0", "-x"})
	require.NoError(t, err)
	require.True(t, s.Bool("named", false))
	require.EqualValues(t, 7, s.Int("rpcport", 0))
	require.Equal(t, []string{"echo", "-named=0", "-x"}, words)
	_, words, err = config.ParseOptions(clientOptions(), []string{"-named"})
	require.NoError(t, err)
	require.Empty(t, words)
}

func TestOptionsThatNeedAValue(t *testing.T) {
	for arg, fault := range map[string]string{
		"-nodatadir": "Negating of -datadir is meaningless and therefore forbidden",
		"-rpcid":     "Can not set -rpcid with no value. Please specify value with -rpcid=value.",
		"-zap":       "Invalid parameter -zap",
	} {
		_, _, err := config.ParseOptions(clientOptions(), []string{arg})
		require.EqualError(t, err, "Error parsing command line arguments: "+fault)
	}
}

// loadClient writes conf as bitcoin.conf of a new data directory and reads it as a
// client does.
func loadClient(t *testing.T, conf string, args ...string) (*config.Settings, *config.Layout, error) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bitcoin.conf"), []byte(conf), 0o600))
	s, _, err := config.ParseOptions(clientOptions(), append([]string{"-datadir=" + dir}, args...))
	require.NoError(t, err)
	layout, err := s.LoadClient(dir)
	return s, layout, err
}

func TestAClientReadsTheFileOfANode(t *testing.T) {
	s, layout, err := loadClient(t, "regtest=1\nserver=1\nrpcport=1\ntxindex=1\n[regtest]\nrpcport=2\n[nochain]\nrpcport=3\n")
	require.NoError(t, err)
	require.Equal(t, "regtest", layout.Chain.Name)
	require.Equal(t, filepath.Join(layout.Base, "regtest", ".cookie"), layout.Cookie)
	require.EqualValues(t, 2, s.Int("rpcport", 0))

	s, layout, err = loadClient(t, "rpcport=1\nrpccookiefile=sweet\n", "-chain=testnet4")
	require.NoError(t, err)
	require.False(t, s.Has("rpcport"), "a port at the top is the main chain's")
	require.Equal(t, filepath.Join(layout.Net, "sweet"), layout.Cookie)
}

func TestAClientsFaults(t *testing.T) {
	for _, tc := range []struct{ conf, arg, fault string }{
		{"", "-datadir=/nonexistent", `Specified data directory "/nonexistent" does not exist.`},
		{"", "-chain=zap", "Unknown chain zap."},
		{"rpcport", "-named", "Error reading configuration file: parse error on line 1: rpcport"},
		{"nodatadir=1", "-named", "Error reading configuration file: Negating of -datadir is meaningless and therefore forbidden"},
		{"", "-conf=/nonexistent", `Error reading configuration file: specified config file "/nonexistent" could not be opened.`},
	} {
		_, _, err := loadClient(t, tc.conf, tc.arg)
		require.EqualError(t, err, tc.fault)
	}
}
