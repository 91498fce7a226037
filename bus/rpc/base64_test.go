package rpc_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// TestBase64HasOneForm, as Bitcoin Core's (util/strencodings.cpp).
func TestBase64HasOneForm(t *testing.T) {
	for text, want := range map[string]string{"": "", "YQ==": "a", "YWI=": "ab", "YWJj": "abc", "/+8=": "\xff\xef"} {
		raw, ok := rpc.DecodeBase64(text)
		require.True(t, ok, text)
		require.Equal(t, want, string(raw))
	}
	for _, text := range []string{"YQ", "YQ=", "YQ===", "YR==", "YWI", "YWK=", "YW\nJj", "YWJj\r\n", "YWJj====", "=YQ=", "_-8=", "YQ==YQ==", " YQ=="} {
		_, ok := rpc.DecodeBase64(text)
		require.False(t, ok, text)
	}
}
