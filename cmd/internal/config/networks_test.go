package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
)

func TestNetworksOfClients(t *testing.T) {
	for text, want := range map[string]string{
		"10.1.2.3": "10.1.2.3/32", "10.1.2.3/8": "10.0.0.0/8", "10.1.2.3/255.255.0.0": "10.1.0.0/16", "::1": "::1/128", "fd00::/8": "fd00::/8",
		"[::1]": "::1/128", "[fd00::]/8": "fd00::/8",
	} {
		got, err := parseNetwork(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got.String())
	}
	for _, text := range []string{"", "host", "10.0.0.1/33", "10.0.0.1/255.0.255.0", "10.0.0.1/x", "::1/255.0.0.0", "[::1", "::1]", "[]"} {
		_, err := parseNetwork(text)
		require.Error(t, err, text)
	}
	s, err := Parse([]string{"-rpcallowip=zap"})
	require.NoError(t, err)
	_, err = s.AllowedNetworks()
	require.ErrorContains(t, err, "Invalid -rpcallowip subnet specification: zap.")
}

// Where fc00::/8 is CJDNS, it is not the network of this house.
func TestCJDNSIsNoPrivateNetwork(t *testing.T) {
	for args, fine := range map[string]bool{
		"-rpcallowip=fc00:db8::/80 -cjdnsreachable": false, "-rpcallowip=fc00:db8::/80": true, "-rpcallowip=fd00:db8::/80 -cjdnsreachable": true,
	} {
		s, err := Parse(strings.Fields(args))
		require.NoError(t, err)
		_, err = s.AllowedNetworks()
		require.Equal(t, fine, err == nil, args)
	}
}

func TestFeeRates(t *testing.T) {
	s, err := Parse([]string{"-minrelaytxfee=0.00002", "-fallbackfee=0"})
	require.NoError(t, err)
	rates, err := s.FeeRates(chains.Chain{Name: chains.Regtest})
	require.NoError(t, err)
	require.Equal(t, FeeRates{MinRelay: 2000, Incremental: 100, Dust: 3000, BlockMin: 1, WalletMin: 1000}, rates)
	s, err = Parse(nil)
	require.NoError(t, err)
	for chain, fallback := range map[string]int64{chains.Main: 0, chains.Signet: testFallbackFee} {
		rates, err = s.FeeRates(chains.Chain{Name: chain})
		require.NoError(t, err)
		require.Equal(t, fallback, rates.Fallback)
	}
	s, err = Parse([]string{"-incrementalrelayfee=0.00003"})
	require.NoError(t, err)
	rates, err = s.FeeRates(chains.Chain{Name: chains.Regtest})
	require.NoError(t, err)
	require.Equal(t, int64(3000), rates.MinRelay, "as the other is not given")
	s, err = Parse([]string{"-dustrelayfee=much"})
	require.NoError(t, err)
	_, err = s.FeeRates(chains.Chain{})
	require.EqualError(t, err, "Invalid amount for -dustrelayfee=<amount>: 'much'")
}

func TestUserAgent(t *testing.T) {
	agent := func(args ...string) (string, error) {
		s, err := Parse(args)
		require.NoError(t, err)
		return s.UserAgent(Product{"Satoshi", "31.0.0"}, Product{"Bulkhead", "1.2.3"})
	}
	got, err := agent()
	require.NoError(t, err)
	require.Equal(t, "/Satoshi:31.0.0/Bulkhead:1.2.3/", got)
	got, err = agent("-uacomment=a", "-uacomment=b c")
	require.NoError(t, err)
	require.Equal(t, "/Satoshi:31.0.0/Bulkhead:1.2.3(a; b c)/", got)
	_, err = agent("-uacomment=(")
	require.ErrorContains(t, err, "contains unsafe characters")
	_, err = agent("-uacomment=" + strings.Repeat("x", 300))
	require.ErrorContains(t, err, "Total length of network version string (333) exceeds maximum length (256).")
}
