package ship

import (
	"testing"

	"github.com/stretchr/testify/require"
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
