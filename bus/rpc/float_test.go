package rpc

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFloatsHaveSixteenDigits(t *testing.T) {
	for f, want := range map[Float]string{
		0: "0", 1: "1", 0.1: "0.1", 4.6565423739069247e-10: "4.656542373906925e-10", 0.00005: "5e-05",
		123456789012.5: "123456789012.5", 20000000000: "20000000000", 1e15: "1000000000000000", 1e16: "1e+16", 2.0 / 3: "0.6666666666666666",
	} {
		got, err := json.Marshal(f)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
}
