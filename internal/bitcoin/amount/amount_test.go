package amount_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/amount"
)

func TestAmountsHaveEightDecimals(t *testing.T) {
	for satoshi, want := range map[amount.Amount]string{
		0: "0.00000000", 1: "0.00000001", -1: "-0.00000001", 150_000_123: "1.50000123",
		-50_000_000: "-0.50000000", amount.Max: "21000000.00000000",
	} {
		require.Equal(t, want, satoshi.String())
		shown, err := json.Marshal(map[string]amount.Amount{"value": satoshi})
		require.NoError(t, err)
		require.Equal(t, `{"value":`+want+`}`, string(shown))
	}
}
