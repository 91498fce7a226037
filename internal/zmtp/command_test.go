package zmtp_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

func TestCommandsAreMadeAndTakenApart(t *testing.T) {
	longest := strings.Repeat("N", 255)
	for _, test := range []struct{ name, data, wire string }{
		{"READY", "", "\x05READY"},
		{"SUBSCRIBE", "topic", "\x09SUBSCRIBEtopic"},
		{"", "data", "\x00data"},
		{longest, "x", "\xff" + longest + "x"},
	} {
		body := zmtp.AppendCommand([]byte("before"), test.name, []byte(test.data))
		require.Equal(t, "before"+test.wire, string(body))
		name, data, ok := zmtp.SplitCommand([]byte(test.wire))
		require.True(t, ok)
		require.Equal(t, test.name, string(name))
		require.Equal(t, test.data, string(data))
	}
}

func TestACommandThatEndsWithinItsNameIsNone(t *testing.T) {
	const body = "\x05READY"
	for cut := range len(body) {
		name, data, ok := zmtp.SplitCommand([]byte(body[:cut]))
		require.False(t, ok)
		require.Nil(t, name)
		require.Nil(t, data)
	}
}

func TestAPingIsAnsweredWithItsContext(t *testing.T) {
	require.Equal(t, "\x04PING\x00\x00", string(zmtp.Ping()))
	for _, context := range []string{"", "c", strings.Repeat("c", 16)} {
		name, data, ok := zmtp.SplitCommand([]byte("\x04PING\x00\x64" + context))
		require.True(t, ok)
		require.Equal(t, zmtp.NamePing, string(name))
		pong, err := zmtp.Pong(data)
		require.NoError(t, err)
		require.Equal(t, "\x04PONG"+context, string(pong))
		clear(data)
		require.Equal(t, "\x04PONG"+context, string(pong), "memory of its own")
	}
	for _, data := range []string{"", "\x00", "\x00\x00" + strings.Repeat("c", 17)} {
		_, err := zmtp.Pong([]byte(data))
		require.ErrorContains(t, err, "malformed PING")
	}
}
