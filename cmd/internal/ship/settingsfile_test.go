package ship

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheLoadListKeepsOtherSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.json")
	names, err := readLoadList(path)
	require.NoError(t, err)
	require.Empty(t, names)

	require.NoError(t, os.WriteFile(path, []byte(`{"proxy": "127.0.0.1:9050"}`), 0o600))
	require.NoError(t, writeLoadList(path, "a", true))
	require.NoError(t, writeLoadList(path, "b", true))
	require.NoError(t, writeLoadList(path, "a", true))
	names, err = readLoadList(path)
	require.NoError(t, err)
	require.Equal(t, []string{"b", "a"}, names)
	require.NoError(t, writeLoadList(path, "b", false))
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.JSONEq(t, `{"proxy": "127.0.0.1:9050", "wallet": ["a"]}`, string(raw))

	// The new file takes the old one's place: what is read is one or the other.
	old, err := os.Open(path)
	require.NoError(t, err)
	defer old.Close()
	require.NoError(t, writeLoadList(path, "c", true))
	before, err := old.Stat()
	require.NoError(t, err)
	after, err := os.Stat(path)
	require.NoError(t, err)
	require.False(t, os.SameFile(before, after))
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "no temporary file is left")
}

func TestADamagedSettingsFileIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.json")
	for _, damaged := range []string{`{"wallet": "a"}`, `{"wallet": `} {
		require.NoError(t, os.WriteFile(path, []byte(damaged), 0o600))
		_, err := readLoadList(path)
		require.Error(t, err)
		require.Error(t, writeLoadList(path, "b", true))
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, damaged, string(raw))
	}
	require.NoError(t, os.WriteFile(path, make([]byte, maxSettings+1), 0o600))
	_, err := readLoadList(path)
	require.ErrorContains(t, err, "1048577 bytes")
}

// JSON has a value that is no object, and that Go takes for one.
func TestSettingsThatAreNullAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.json")
	require.NoError(t, os.WriteFile(path, []byte("null"), 0o600))
	require.ErrorContains(t, checkSettingsFile(path), "it says null")
	require.ErrorIs(t, writeLoadList(path, "a", true), errNull)
}
