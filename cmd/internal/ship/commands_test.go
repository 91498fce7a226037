package ship

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// Clients read command lines by the table: of a name that two parts had only one
// would count.
func TestEveryCommandHasOneName(t *testing.T) {
	names := Commands().Names()
	require.IsIncreasing(t, names)
	for _, name := range []string{"stop", "getblockcount", "getpeerinfo", "getnewaddress", "listwallets", "getzmqnotifications", "help", "logging"} {
		require.Contains(t, names, name)
	}
}

// What documents tell is only as good as the tables.
func TestTablesAreSound(t *testing.T) {
	for _, c := range Commands() {
		for _, example := range c.Examples {
			_, err := rpc.NewCall(&c, example)
			require.NoError(t, err, c.Name)
		}
		for _, p := range c.Params {
			var inner []string
			for _, m := range p.Inner {
				inner = append(inner, m.Name)
			}
			require.Subset(t, inner, p.Members, "%s: %s", c.Name, p.Name)
			if p.Default != "" {
				require.True(t, p.Optional, "%s: %s", c.Name, p.Name)
			}
		}
	}
}

// Those that return nothing that can be described, or always fail.
func TestResultsAreDescribed(t *testing.T) {
	open := []string{"enumeratesigners", "exportasmap", "generate", "listwalletdir"}
	for _, c := range Commands() {
		if strings.HasPrefix(c.Name, "rest_") {
			continue // only the gateway asks for them
		}
		require.Equal(t, slices.Contains(open, c.Name), c.Returns == nil, c.Name)
	}
}
