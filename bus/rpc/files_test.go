package rpc

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThePathOfACommand(t *testing.T) {
	for params, want := range map[string]string{
		`["/a"]`: "/a", `["a","latest"]`: "a", `{"path":"b"}`: "b", `{"args":["c"],"type":"latest"}`: "c", `{"path":"b","args":["c"]}`: "c", `[""]`: "",
	} {
		got, given := Path("dumptxoutset", []byte(params))
		require.True(t, given, params)
		require.Equal(t, want, got, params)
	}
	for _, params := range []string{``, `null`, `[]`, `{}`, `[1]`, `[null]`, `{"path":["a"]}`, `{"type":"latest"}`, `["a`, `7`} {
		_, given := Path("dumptxoutset", []byte(params))
		require.False(t, given, params)
	}
	got, given := Path("importmempool", []byte(`{"filepath":"d"}`))
	require.True(t, given)
	require.Equal(t, "d", got)
	got, given = Path("savemempool", []byte(`["elsewhere"]`))
	require.True(t, given)
	require.Equal(t, "mempool.dat", got)
	require.Zero(t, FileUse("getblock"))
}
