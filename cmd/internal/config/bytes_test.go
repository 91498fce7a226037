package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"
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
