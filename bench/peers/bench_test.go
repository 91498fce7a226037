package main

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheProgramMeasures, for a moment: what it reports is there.
func TestTheProgramMeasures(t *testing.T) {
	for _, workers := range []string{"perpeer", "2"} {
		var out bytes.Buffer
		require.NoError(t, start([]string{"-connections=6", "-workers=" + workers, "-hold=1s"}, &out, io.Discard))
		require.Contains(t, out.String(), "| -p2pworkers="+workers+" | 6 connections |")
		require.Contains(t, out.String(), "; 0 pings without an answer, 0 connections lost |")
		require.Regexp(t, `\| connect to version \| p50 [0-9.]+ ms, p99 [0-9.]+, max [0-9.]+, of 6 \|`, out.String())
		require.Regexp(t, `\| pong \| p50 .* of 12 \|`, out.String())
	}
	require.Error(t, start([]string{"-connections=0"}, io.Discard, io.Discard))
}
