package cli_test

import (
	"encoding/base64"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestResultsArePrinted(t *testing.T) {
	for _, tc := range []struct{ result, printed string }{
		{`null`, ""},
		{`"a\u003cb\n"`, "a<b\n\n"},
		{`5.00000000`, "5.00000000\n"},
		{`true`, "true\n"},
		{`[]`, "[\n]\n"},
		{`{}`, "{\n}\n"},
		{`12345678901234567890.10`, "12345678901234567890.10\n"},
		{`{"b":1e-8,"a":[1,{"x":"é\u0007\u007f\"\\"},[]],"a":null}`,
			"{\n  \"b\": 1e-8,\n  \"a\": [\n    1,\n    {\n      \"x\": \"é\\u0007\\u007f\\\"\\\\\"\n    },\n    [\n    ]\n  ],\n  \"a\": null\n}\n"},
	} {
		s := newServer(t, http.StatusOK, result(tc.result))
		require.Equal(t, outcome{stdout: tc.printed}, s.run("", "echo"), tc.result)
	}
}

func TestErrorsOfTheNode(t *testing.T) {
	const hint = ` Or for the CLI, specify the "-rpcwallet=<walletname>" option before the command (run "bitcoin-cli -h" for help or "bitcoin-cli listwallets" to see which wallets are currently loaded).`
	for _, tc := range []struct {
		fault, printed string
		status         int
	}{
		{`{"code":-8,"message":"Block height out of range"}`, "error code: -8\nerror message:\nBlock height out of range\n", 8},
		{`{"code":-32601,"message":"Method not found"}`, "error code: -32601\nerror message:\nMethod not found\n", 32601},
		{`{"code":-19,"message":"Which?"}`, "error code: -19\nerror message:\nWhich?" + hint + "\n", 19},
		{`{"code":-28,"message":"Loading"}`, "error code: -28\nerror message:\nLoading\n", 28},
		{`{"code":3}`, "error code: 3\n", 3},
		{`"odd"`, "error: \"odd\"\n", 1},
	} {
		for _, status := range []int{http.StatusOK, http.StatusInternalServerError, http.StatusNotFound, http.StatusBadRequest} {
			s := newServer(t, status, fault(tc.fault))
			require.Equal(t, outcome{status: tc.status, stderr: tc.printed}, s.run("", "echo"), tc.fault)
		}
	}
}

func TestAnswersThatAreNoJSONRPC(t *testing.T) {
	for _, tc := range []struct {
		status        int
		answer, fault string
	}{
		{http.StatusForbidden, "", "server returned HTTP error 403"},
		{http.StatusServiceUnavailable, "Work queue depth exceeded", "Server response: Work queue depth exceeded"},
		{http.StatusOK, "", "no response from server"},
		{http.StatusOK, "{", "couldn't parse reply from server"},
		{http.StatusOK, "[]", "expected reply to have result, error and id properties"},
		{http.StatusFound, "<html>", "couldn't parse reply from server"},
	} {
		s := newServer(t, tc.status, tc.answer)
		require.Equal(t, outcome{status: 1, stderr: "error: " + tc.fault + "\n"}, s.run("", "echo"), tc.fault)
		require.Len(t, s.requests(), 1)
	}
}

func basic(credentials string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))
}

func TestCredentials(t *testing.T) {
	s := newServer(t, http.StatusUnauthorized, "")
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "regtest", "other"), []byte("me:mine\nmore"), 0o600))
	for _, tc := range []struct{ args, stdin, credentials, hint string }{
		{"", "", "__cookie__:secret", "Cookie file credentials were invalid and no rpcpassword was specified."},
		{"-rpcpassword=", "", "__cookie__:secret", "Cookie file credentials were invalid and no rpcpassword was specified."},
		{"-rpccookiefile=other", "", "me:mine", "Cookie file credentials were invalid and no rpcpassword was specified."},
		{"-rpccookiefile=none", "", "", "Failed to read cookie file and no rpcpassword was specified."},
		{"-norpccookiefile", "", "", "Cookie file was disabled via -norpccookiefile and no rpcpassword was specified."},
		{"-rpcuser=a -rpcpassword=b", "", "a:b", "Incorrect rpcuser or rpcpassword were specified."},
		{"-rpcuser=a -stdinrpcpass", "b\n", "a:b", "Incorrect rpcuser or rpcpassword were specified."},
		{"-rpcuser=a -rpcpassword=c -stdinrpcpass", "b", "a:b", "Incorrect rpcuser or rpcpassword were specified."},
	} {
		o := s.run(tc.stdin, append(strings.Fields(tc.args), "echo")...)
		require.Equal(t, outcome{status: 1, stderr: "error: Authorization failed: " + tc.hint + " Configuration file: (" + filepath.Join(s.dir, "bitcoin.conf") + ")\n"}, o)
		require.Equal(t, strings.TrimSpace(basic(tc.credentials)), s.last().authorization)
	}
}

func TestStandardInput(t *testing.T) {
	s := newServer(t, http.StatusOK, result("null"))
	for _, tc := range []struct{ args, stdin, params string }{
		{"-stdin echo a", "b\nc d\n\ne", `["a","b","c d","","e"]`},
		{"-stdin", "echo\r\n1\n", `["1"]`},
		{"-stdin -stdinrpcpass echo", "secret\nfoo\n", `["foo"]`},
		{"-stdinwalletpassphrase walletpassphrase 60", "two words\n", `["two words",60]`},
		{"-stdinrpcpass -stdinwalletpassphrase -stdin walletpassphrase", "secret\nopen\n60\n", `["open",60]`},
		{"-named -stdin echojson", "arg1=2\n", `{"arg1":2}`},
	} {
		o := s.run(tc.stdin, strings.Fields(tc.args)...)
		require.Equal(t, outcome{}, o, tc.args)
		require.Equal(t, tc.params, string(s.last().call(t).Params), tc.args)
	}
	for args, fault := range map[string]string{
		"-stdinrpcpass echo":                              "-stdinrpcpass specified but failed to read from standard input",
		"-stdinwalletpassphrase walletpassphrase":         "-stdinwalletpassphrase specified but failed to read from standard input",
		"-stdinwalletpassphrase echo":                     "-stdinwalletpassphrase is only applicable for walletpassphrase(change)",
		"-stdin":                                          "too few parameters (need at least command)",
		"-getinfo -netinfo":                               "Only one of -getinfo, -netinfo may be specified.",
		"-netinfo -nogenerate -addrinfo":                  "Only one of -addrinfo, -generate, -netinfo may be specified.",
		"-ipcconnect=unix echo":                           "bitcoin-cli was not built with IPC support",
		"-ipcconnect=unix -rpcconnect=127.0.0.1 -getinfo": "-rpcconnect and -ipcconnect options cannot both be enabled",
	} {
		require.Equal(t, outcome{status: 1, stderr: "error: " + fault + "\n"}, s.run("", strings.Fields(args)...), args)
	}
	o := s.run(strings.Repeat("x", 33<<20), "-stdin", "echo")
	require.Equal(t, "error: standard input has more than 33554432 bytes\n", o.stderr)
}

func TestWalletsHaveAPathOfTheirOwn(t *testing.T) {
	s := newServer(t, http.StatusOK, result("null"))
	for option, path := range map[string]string{
		"-rpcwallet=w":       "/wallet/w",
		"-rpcwallet=":        "/wallet/",
		"-rpcwallet=a/b c%é": "/wallet/a%2Fb%20c%25%C3%A9",
		"-norpcwallet":       "/",
		"-named":             "/",
	} {
		require.Equal(t, outcome{}, s.run("", option, "echo"))
		require.Equal(t, path, s.last().path)
	}
}

func TestTheRequestsID(t *testing.T) {
	s := newServer(t, http.StatusOK, result("null"))
	for option, id := range map[string]string{"-named": `"1"`, "-rpcid=abc<\n>": `"abc<\n>"`, "-rpcid=": `""`} {
		require.Equal(t, outcome{}, s.run("", option, "echo"))
		require.Equal(t, id, string(s.last().call(t).ID))
	}
}

func TestWhereTheNodeIs(t *testing.T) {
	s := newServer(t, http.StatusOK, result("7"))
	good := "127.0.0.1:" + s.port
	port := s.port
	s.port = ""
	for _, tc := range []struct{ args, warning string }{
		{"-rpcconnect=" + good, ""},
		{"-rpcport=" + port, ""},
		{"-rpcconnect=127.0.0.1:1 -rpcport=" + port, "Warning: Port specified in both -rpcconnect and -rpcport. Using -rpcport " + port + "\n"},
		{"-rpcconnect=[127.0.0.1] -rpcport=" + port, ""},
		{"-rpcconnect=localhost:" + port, ""},
	} {
		require.Equal(t, outcome{stdout: "7\n", stderr: tc.warning}, s.run("", append(strings.Fields(tc.args), "echo")...), tc.args)
	}
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "bitcoin.conf"), []byte("[regtest]\nrpcconnect="+good+"\n"), 0o600))
	require.Equal(t, outcome{stdout: "7\n"}, s.run("", "echo"))

	for arg, fault := range map[string]string{
		"-rpcconnect=127.0.0.1:no": "Invalid port provided in -rpcconnect: 127.0.0.1:no",
		"-rpcconnect=[::1]:65536":  "Invalid port provided in -rpcconnect: [::1]:65536",
		"-rpcconnect=127.0.0.1:0":  "Invalid port provided in -rpcconnect: 127.0.0.1:0",
		"-rpcconnect=:":            "Invalid port provided in -rpcconnect: :",
		"-rpcport=-1":              "Invalid port provided in -rpcport: -1",
		"-norpcport":               "Invalid port provided in -rpcport: 0",
	} {
		require.Equal(t, outcome{status: 1, stderr: "error: " + fault + "\n"}, s.run("", arg, "echo"))
	}
}

func TestAUnixSocketLeadsToTheNode(t *testing.T) {
	s := newUnixServer(t, "rpc.sock", result("8"))
	require.Equal(t, outcome{stdout: "8\n"}, s.run("", "-rpcconnect=unix:rpc.sock", "echo"))
	require.Equal(t, basic("__cookie__:secret"), s.last().authorization)
	require.Equal(t, outcome{stdout: "8\n"}, s.run("", "-rpcconnect=unix:"+filepath.Join(s.dir, "regtest", "rpc.sock"), "echo"))
	require.Equal(t, noAnswer("unix:"+filepath.Join(s.dir, "regtest", "none")+" (Could not connect to the server)"), s.run("", "-rpcconnect=unix:none", "echo"))
}

// noAnswer is the outcome if a node is not reached.
func noAnswer(where string) outcome {
	return outcome{status: 1, stderr: "error: Error while attempting to communicate with server " + where +
		"\n\nMake sure the bitcoind server is running and that you are connecting to the correct RPC port.\nUse \"bitcoin-cli -help\" for more info.\n"}
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	where := l.Addr().String()
	require.NoError(t, l.Close())
	s := bareServer(t)
	require.Equal(t, noAnswer(where+" (Could not connect to the server)"), s.run("", "-rpcconnect="+where, "echo"))
	require.Equal(t, noAnswer("[::1:18443 (Could not resolve host: [::1)"), s.run("", "-rpcconnect=[::1", "echo"))
	waited := s.run("", "-rpcconnect="+where, "-rpcwait", "-rpcwaittimeout=1", "echo")
	require.Equal(t, 1, waited.status)
	require.Contains(t, waited.stderr, "error: timeout on transient error: Error while attempting to communicate with server "+where+" (Could not connect to the server)\n")
}

func TestANodeThatGoesAway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	s := bareServer(t)
	o := s.run("", "-rpcconnect="+l.Addr().String(), "echo")
	require.NoError(t, l.Close())
	<-ended
	require.Equal(t, 1, o.status)
	require.Contains(t, o.stderr, "error: Error while attempting to communicate with server "+l.Addr().String())
}

func TestANodeThatDoesNotAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // the system accepts, nobody reads
	require.NoError(t, err)
	defer l.Close()
	s := bareServer(t)
	require.Equal(t, noAnswer(l.Addr().String()+" (timeout)"), s.run("", "-rpcclienttimeout=1", "-rpcconnect="+l.Addr().String(), "echo"))
}

func TestWaitingForANodeThatStarts(t *testing.T) {
	s := newServer(t, http.StatusOK, "")
	s.answer = func(n int, _ []byte) (int, string) {
		if n == 0 {
			return http.StatusOK, fault(`{"code":-28,"message":"Loading"}`)
		}
		return http.StatusOK, result("9")
	}
	require.Equal(t, outcome{stdout: "9\n"}, s.run("", "-rpcwait", "echo"))
	require.Len(t, s.requests(), 2)
}

func TestOptionsThatEndInAText(t *testing.T) {
	require.Equal(t, outcome{stdout: "Bulkhead RPC client version 1.2.3\n"}, run(t, "", "-version", "echo"))
	for _, arg := range []string{"-h", "-?", "-help", "-help-debug"} {
		o := run(t, "", arg)
		require.Equal(t, 0, o.status)
		for _, text := range []string{"RPC client version 1.2.3", "-rpcwallet=<name>", "-netinfo", "-chain=<chain>"} {
			require.Contains(t, o.stdout, text)
		}
	}
	o := run(t, "")
	require.Equal(t, 1, o.status)
	require.Equal(t, "Error: too few parameters\n", o.stderr)
	require.Contains(t, o.stdout, "Usage:")
}

func TestFaultsOfTheCommandLine(t *testing.T) {
	for args, fault := range map[string]string{
		"-zap echo":               "Error parsing command line arguments: Invalid parameter -zap",
		"-norpcid echo":           "Error parsing command line arguments: Negating of -rpcid is meaningless and therefore forbidden",
		"-datadir=/none echo":     "Error: Specified data directory \"/none\" does not exist.",
		"-conf=/none echo":        "Error reading configuration file: specified config file \"/none\" could not be opened.",
		"-chain=zap echo":         "Error: Unknown chain zap.",
		"-completion=tcsh":        "Error: Invalid value for -completion option. Valid values: bash, zsh, fish.",
		"-regtest -signet=1 echo": "Error: Invalid combination of -regtest, -signet, -testnet, -testnet4 and -chain. Can use at most one.",
	} {
		require.Equal(t, outcome{status: 1, stderr: fault + "\n"}, run(t, "", strings.Fields(args)...), args)
	}
}
