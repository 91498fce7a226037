package gateway

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What a client wrote must not look like another line, nor leave escapes of JSON behind.
func TestLineOfARequest(t *testing.T) {
	for raw, id := range map[string]string{
		`"1"`:             "1",
		`7`:               "7",
		`null`:            "null",
		`"abc<\n>def"`:    "abcdef",
		`"a\u0062\"c\" "`: "abc ",
	} {
		r, err := parseRequest([]byte(`{"method":"echo","id":` + raw + `}`))
		require.NoError(t, err)
		require.Equal(t, "ThreadRPCServer method=echo user=me id="+id, logLine(origin{user: "me"}, r))
	}
}
