package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// bash is asked what it would offer, as if Tab had been pressed behind a line.
func TestBashCompletes(t *testing.T) {
	o := run(t, "", "-completion=bash")
	require.Equal(t, 0, o.status)
	script := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(script, []byte(o.stdout), 0o600))
	for _, tc := range []struct{ line, offered string }{
		{"bulkhead-cli ech", "echo echojson"},
		{"bulkhead-cli -regtest op", "open"},
		{"bulkhead-cli -rpcw", "-rpcwait -rpcwaittimeout= -rpcwallet="},
		{"bulkhead-cli -chain=t", "test testnet4"},
		{"bulkhead-cli -color=", "always auto never"},
		{"bulkhead-cli help gen", "generatetoaddress"},
		{"bulkhead-cli -named open ", "path= mode= how= at= options= deep= until="},
		{"bulkhead-cli -named open p", "path="},
		{"bulkhead-cli open p", ""},
		{"/usr/bin/bulkhead-cli gener", "generatetoaddress"},
		{"bulkhead ", "cli"},
		{"bulkhead cli walletp", "walletpassphrase"},
		{"bulkhead -re", ""},
	} {
		out, err := exec.Command("bash", "-c", `source "$1"; COMP_LINE="$2"; COMP_POINT=${#COMP_LINE}; _bulkhead_cli; echo "${COMPREPLY[*]}"`,
			"bash", script, tc.line).CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Equal(t, tc.offered, strings.TrimSpace(string(out)), tc.line)
	}
}

// What the other shells get has the same lists.
func TestScriptsHaveAllThatCanBeCompleted(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		o := run(t, "", "-completion="+shell)
		require.Equal(t, 0, o.status)
		for _, text := range []string{"generatetoaddress", "nblocks= address= maxtries=", "-rpcwallet=", "-chain=regtest", "bulkhead-cli"} {
			require.Contains(t, o.stdout, text, shell)
		}
		require.NotRegexp(t, "@[a-z]+@", o.stdout, "a list is missing")
	}
}
