package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
)

func TestBytesHaveUnits(t *testing.T) {
	for text, want := range map[string]uint64{
		"0": 0, "1": 1 << 20, "500M": 500 << 20, "5m": 5e6, "2k": 2000, "2K": 2048, "1g": 1e9, "1G": 1 << 30, "3t": 3e12, "1T": 1 << 40,
	} {
		s, _, err := load(t, "", "-maxuploadtarget="+text)
		require.NoError(t, err)
		n, err := s.Bytes("maxuploadtarget")
		require.NoError(t, err, text)
		require.Equal(t, want, n, text)
	}
	for _, text := range []string{"abc", "1MM", "M", "-1", "+1", "99999999999T", "1.5M", " 1"} {
		s, _, err := load(t, "", "-maxuploadtarget="+text)
		require.NoError(t, err)
		_, err = s.Bytes("maxuploadtarget")
		require.EqualError(t, err, "Unable to parse -maxuploadtarget: '"+text+"'")
	}
}

func TestAmountsOfBytes(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "17": 17, "3k": 3000, "3K": 3072, "1m": 1_000_000, "2M": 2 << 20, "1g": 1e9, "1G": 1 << 30, "1T": 1 << 40} {
		got, ok := config.ParseBytes(text)
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "k", "-1", "+1", "1kk", "1x", "1.5M", " 1", "9223372036854775807k", "99999999999999999999"} {
		_, ok := config.ParseBytes(text)
		require.False(t, ok, "%q", text)
	}
}
