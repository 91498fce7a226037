package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// tokens are what JSON consists of, numbers as they are written.
func tokens(t *testing.T, raw []byte) (list []json.Token) {
	t.Helper()
	in := json.NewDecoder(bytes.NewReader(raw))
	in.UseNumber()
	for {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return list
		}
		require.NoError(t, err)
		list = append(list, token)
	}
}

// What is laid out means the same, and is laid out the same once more.
func FuzzPretty(f *testing.F) {
	for _, seed := range []string{`{"a":[1.10000000,{}],"b":"\u0000\u007f\ud83d\ude00<&>","a":null}`, `[]`, `[[[-0,1e5,true]]]`, `"\\"`, ` 7 `} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		laidOut, err := pretty(raw)
		require.NoError(t, err)
		require.Equal(t, tokens(t, raw), tokens(t, []byte(laidOut)))
		again, err := pretty([]byte(laidOut))
		require.NoError(t, err)
		require.Equal(t, laidOut, again)
	})
}
