package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAmountsOfBytes(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "17": 17, "3k": 3000, "3K": 3072, "1m": 1_000_000, "2M": 2 << 20, "1g": 1e9, "1G": 1 << 30, "1T": 1 << 40} {
		got, ok := ParseBytes(text)
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "k", "-1", "1kk", "1x", "1.5M", " 1", "9223372036854775807k", "99999999999999999999"} {
		_, ok := ParseBytes(text)
		require.False(t, ok, "%q", text)
	}
}
