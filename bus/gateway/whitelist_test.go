package gateway

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseWhitelists(t *testing.T) {
	require.Equal(t, Whitelists{
		"ann": {"getblockcount", "stop"}, "bob": {"help"}, "cid": {}, "dan": nil, "eve": {}, "fay": {"help", "stop"},
	}, ParseWhitelists([]string{
		"ann:getblockcount, stop,", "bob:help,stop,uptime", "bob:uptime,help", "bob:help", "cid:", "dan", "eve:help", "eve:stop", "fay:help,stop", "fay",
	}))
}

func TestUsersMayCallWhatIsListed(t *testing.T) {
	accounts := []Account{NewAccount("all", "secret", "1"), NewAccount("none", "secret", "2"), NewAccount("mallory", "secret", "3")}
	f := newFixture(t, Config{Accounts: accounts, ListedOnly: true, Whitelists: Whitelists{
		"joe": {"getblockcount"}, "all": {"getblockcount", "fail", "mirror"}, "none": {},
	}})
	f.startNode()
	const count, fail = `{"method":"getblockcount","id":1}`, `{"method":"fail","id":1}`
	for _, tc := range []struct {
		user, body string
		status     int
		text       string
	}{
		{"joe", count, 200, `{"result":7,"error":null,"id":1}`},
		{"joe", fail, 403, ""},
		{"joe", `{"jsonrpc":"2.0","method":"fail","id":1}`, 403, ""},
		{"joe", `{"jsonrpc":"2.0","method":"fail"}`, 403, ""},
		{"joe", `{"id":1}`, 400, `{"result":null,"error":{"code":-32600,"message":"Missing method"},"id":1}`},
		{"joe", `[` + count + `]`, 200, `[{"result":7,"error":null,"id":1}]`},
		{"joe", `[]`, 200, `[]`},
		{"joe", `[` + count + `,` + fail + `]`, 403, ""},
		{"joe", `[` + count + `,3]`, 400, `{"result":null,"error":{"code":-32600,"message":"Invalid Request object"},"id":null}`},
		{"joe", `[{"id":1}]`, 500, `{"result":null,"error":{"code":-32700,"message":"JSON value of type null is not of expected type string"},"id":null}`},
		{"joe", `{`, 500, `{"result":null,"error":{"code":-32700,"message":"Parse error"},"id":null}`},
		{"all", fail, 500, `{"result":null,"error":{"code":-8,"message":"no <good>"},"id":1}`},
		{"none", count, 403, ""},
		{"mallory", count, 403, ""},
		{"mallory", `[]`, 403, ""},
		{"mallory", `"x"`, 403, ""},
	} {
		status, text, err := f.try("/", tc.user, "secret", tc.body)
		require.NoError(t, err)
		require.Equal(t, tc.status, status, "%s %s", tc.user, tc.body)
		require.Equal(t, tc.text, text, "%s %s", tc.user, tc.body)
	}
}

// A list takes nothing from the others unless it is said so.
func TestWhoIsNotListedMayCallAll(t *testing.T) {
	f := newFixture(t, Config{Whitelists: Whitelists{"other": {"stop"}}})
	f.startNode()
	status, _ := f.post("/", `{"method":"getblockcount","id":1}`)
	require.Equal(t, 200, status)
}
