package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// answers makes the server answer each request, also in a batch, by its method and path;
// what is missing is not found. Batches are answered in reverse order.
func (s *server) answers(byMethod map[string]string) {
	s.answer = func(n int, body []byte) (int, string) {
		path := s.requests()[n].path
		one := func(c call) string {
			for _, key := range []string{path + c.Method, c.Method} {
				if answer, known := byMethod[key]; known {
					return strings.Replace(answer, `"id":"1"`, `"id":`+string(c.ID), 1)
				}
			}
			return strings.Replace(fault(`{"code":-32601,"message":"Method not found"}`), `"id":"1"`, `"id":`+string(c.ID), 1)
		}
		var batch []call
		if json.Unmarshal(body, &batch) != nil {
			var single call
			_ = json.Unmarshal(body, &single) // without a method nothing is found
			return http.StatusOK, one(single)
		}
		var list []string
		for _, c := range batch {
			list = append(list, one(c))
		}
		slices.Reverse(list)
		return http.StatusOK, "[" + strings.Join(list, ",") + "]"
	}
}

const networkInfo = `{"version":319900,"subversion":"/Test:1/","protocolversion":70016,"timeoffset":-3,"connections":3,"connections_in":1,"connections_out":2,` +
	`"networks":[{"name":"ipv4","reachable":true,"proxy":"p:1"},{"name":"ipv6","reachable":false,"proxy":"p:1"},{"name":"onion","reachable":true,"proxy":"q:2"},{"name":"i2p","reachable":false,"proxy":""},{"name":"moon","reachable":true,"proxy":""}],` +
	`"relayfee":0.00000100,"warnings":[],"localservicesnames":["NETWORK","WITNESS","NETWORK_LIMITED","P2P_V2"],` +
	`"localaddresses":[{"address":"1.2.3.4","port":8333,"score":1},{"address":"abcdefghij.onion","port":9,"score":20}]}`

const chainInfo = `{"chain":"regtest","blocks":101,"headers":102,"verificationprogress":0.25,"difficulty":4.656542373906925e-10}`

func TestGetInfo(t *testing.T) {
	s := newServer(t, http.StatusOK, "")
	s.answers(map[string]string{"getnetworkinfo": result(networkInfo), "getblockchaininfo": result(chainInfo)})
	require.Equal(t, outcome{stdout: `Chain: regtest
Blocks: 101
Headers: 102
Verification progress: ▒▒▒▒▒░░░░░░░░░░░░░░░ 25.0000%
Difficulty: 4.656542373906925e-10

Network: in 1, out 2, total 3
Version: 319900
Time offset (s): -3
Proxies: p:1 (ipv4, ipv6), q:2 (onion)
Min tx relay fee rate (BTC/kvB): 0.00000100

Warnings: (none)
`}, s.run("", "-getinfo"))
	require.Equal(t, outcome{status: 1, stderr: "error: -getinfo takes no arguments\n"}, s.run("", "-getinfo", "x"))
	require.Equal(t, outcome{status: 1, stderr: "error: Invalid value for -color option. Valid values: always, auto, never.\n"}, s.run("", "-getinfo", "-color=red"))
	require.NotContains(t, s.run("", "-getinfo", "-color=never").stdout, "\x1b")
	require.Contains(t, s.run("", "-getinfo", "-color=always").stdout, "\x1b[34mChain: regtest\x1b[0m\n")
}

func TestGetInfoOfWallets(t *testing.T) {
	s := newServer(t, http.StatusOK, "")
	answers := map[string]string{
		"getnetworkinfo": result(strings.Replace(networkInfo, `"warnings":[]`, `"warnings":["one","two"]`, 1)),
		// A node that is at the tip has no bar.
		"getblockchaininfo": result(strings.Replace(chainInfo, "0.25", "1", 1)),
		"getwalletinfo":     result(`{"walletname":"","keypoolsize":4000,"unlocked_until":0}`), "getbalances": result(`{"mine":{"trusted":50.00000000}}`),
		"listwallets": result(`[""]`),
	}
	s.answers(answers)
	o := s.run("", "-getinfo")
	require.Equal(t, 0, o.status)
	require.Contains(t, o.stdout, "Verification progress: 100.0000%\n")
	require.Contains(t, o.stdout, "\n\nWallet: \"\"\nKeypool size: 4000\nUnlocked until: 0\nBalance: 50.00000000\n\nWarnings: one; two\n")

	delete(answers, "getwalletinfo")
	answers["listwallets"] = result(`["a","b c",""]`)
	answers["getbalances"] = fault(`{"code":-19,"message":"Which?"}`)
	answers["/wallet/agetbalances"] = result(`{"mine":{"trusted":1.00000000}}`)
	answers["/wallet/b%20cgetbalances"] = result(`{"mine":{"trusted":1234567.00000000}}`)
	answers["/wallet/getbalances"] = result(`{"mine":{"trusted":0.00000000}}`)
	o = s.run("", "-getinfo")
	require.Equal(t, 0, o.status)
	require.Contains(t, o.stdout, "\n\nBalances\n      1.00000000 a\n1234567.00000000 b c\n      0.00000000 \"\"\n\nWarnings:")
	require.NotContains(t, s.run("", "-getinfo", "-rpcwallet=a").stdout, "Balances")

	answers["getblockchaininfo"] = fault(`{"code":-1,"message":"no"}`)
	require.Equal(t, outcome{status: 1, stderr: "error code: -1\nerror message:\nno\n"}, s.run("", "-getinfo"))
}

func TestBatchesThatDoNotFit(t *testing.T) {
	for _, answer := range []string{
		`{}`, `[]`, `[{"id":0,"result":1},{"id":0,"result":1}]`, `[{"id":0,"result":1},{"id":2,"result":1}]`,
		`[{"id":0,"result":[]},{"id":1,"result":[]}]`, `[{"id":-1},{"id":1}]`, `[1,2]`,
	} {
		s := newServer(t, http.StatusOK, answer)
		require.Equal(t, outcome{status: 1, stderr: "error: couldn't parse reply from server\n"}, s.run("", "-netinfo"), answer)
	}
}

// peers are two inbound ones and two outbound ones, and one on a network without a name.
func peers(now int64) string {
	common := fmt.Sprintf(`"conntime":%d,"lastsend":%d,"lastrecv":%d,"servicesnames":["NETWORK","WITNESS"],"version":70016`, now-7200, now-5, now-5)
	return `[` + strings.Join([]string{
		`{"id":0,"addr":"1.1.1.1:8333","network":"ipv4","inbound":false,"connection_type":"outbound-full-relay","relaytxes":true,"minping":0.0204,"pingtime":1000.5,"subver":"/A:1/",` +
			`"transport_protocol_type":"v2","last_transaction":` + fmt.Sprint(now-180) + `,"last_block":` + fmt.Sprint(now-60) + `,"addr_processed":1234567,"addr_relay_enabled":true,"bip152_hb_to":true,` + common + `}`,
		`{"id":1,"addr":"2.2.2.2:8333","network":"ipv4","inbound":false,"connection_type":"block-relay-only","relaytxes":false,"minping":0.01,"pingtime":0.02,"subver":"","transport_protocol_type":"detecting","bip152_hb_from":true,` + common + `}`,
		`{"id":2,"addr":"abc.onion:8333","network":"onion","inbound":true,"connection_type":"inbound","subver":"/B:2/","addr_relay_enabled":true,"addr_rate_limited":8,` + common + `}`,
		`{"id":30,"addr":"10.0.0.1:9","network":"not_publicly_routable","inbound":true,"connection_type":"manual","minping":0.001,"pingtime":0.001,"subver":"/C:3/","mapped_as":64500,` + common + `}`,
		`{"id":31,"addr":"moon","network":"moon","inbound":true,"connection_type":"inbound",` + common + `}`,
	}, ",") + `]`
}

// The tables are those of Bitcoin Core's client for the same answers, but for the last line
// of the list, where it leaves "min" behind if the addresses need more room.
func TestNetInfo(t *testing.T) {
	s := newServer(t, http.StatusOK, "")
	s.answers(map[string]string{"getpeerinfo": result(peers(time.Now().Unix())), "getnetworkinfo": result(networkInfo)})
	const counts = `
         ipv4   onion     npr   total   block  manual
in          0       1       1       2
out         2       0       0       2       1       1
total       2       1       1       4
`
	const addresses = `
Local addresses
1.2.3.4              port   8333    score      1
abcdefghij.onion     port      9    score     20
`
	title := "Bulkhead client 1.2.3 regtest - server 70016/Test:1/"
	o := s.run("", "-netinfo")
	require.Equal(t, outcome{stdout: title + "\n" + counts + "\nLocal services: network, witness, network limited, p2p v2\n" + addresses}, o)

	lines := func(args ...string) (list []string) {
		o := s.run("", append([]string{"-netinfo"}, args...)...)
		require.Equal(t, 0, o.status, o.stderr)
		require.True(t, strings.HasPrefix(o.stdout, title+" - services nwl2\n\n"), o.stdout)
		require.True(t, strings.HasSuffix(o.stdout, "\n"+counts+addresses), o.stdout)
		list = strings.Split(strings.TrimSuffix(o.stdout, "\n"+counts+addresses), "\n")
		return list[2:]
	}
	full := lines("4")
	require.Equal(t, []string{
		"<->   type   net   serv  v  mping   ping send recv  txn  blk  hb   addrp addrl  age  asmap id address        version",
		" in        onion     nw  1                                                   8  120         2 abc.onion:8333 70016/B:2/",
		" in manual   npr     nw  1      1      1                               .        120  64500 30 10.0.0.1:9     70016/C:3/",
		"out  block  ipv4     nw        10     20              *        *       .        120         1 2.2.2.2:8333   70016",
		"out   full  ipv4     nw  2     20      -              3    1  .  1234567        120         0 1.1.1.1:8333   70016/A:1/",
		"                               ms     ms  sec  sec  min  min                    min",
	}, withoutSeconds(full))
	require.Equal(t, []string{"<->   type   net   serv  v  mping   ping send recv  txn  blk  hb   addrp addrl  age id "}, lines("1", "o")[:1], "the one with an asmap is not listed")
	require.Len(t, lines("1", "outonly"), 4)
	require.Contains(t, lines("2")[0], "id address")
	require.NotContains(t, lines("2")[0], "version")
	require.True(t, strings.HasSuffix(lines("3")[0], "id version"), lines("3")[0])
	require.Equal(t, full[0], lines("255")[0])
}

// withoutSeconds blanks the columns send and recv, which go on while the test runs.
func withoutSeconds(lines []string) []string {
	const from, to = 40, 50
	lines = slices.Clone(lines)
	for i := 1; i < len(lines)-1; i++ {
		lines[i] = lines[i][:from] + strings.Repeat(" ", to-from) + lines[i][to:]
	}
	return lines
}

func TestNetInfoWithoutPeers(t *testing.T) {
	s := newServer(t, http.StatusOK, "")
	answers := map[string]string{"getpeerinfo": result("[]"), "getnetworkinfo": result(`{"version":210000,"subversion":"","protocolversion":1,"networks":[]}`)}
	s.answers(answers)
	require.Equal(t, outcome{stdout: "Bulkhead client 1.2.3 regtest - server 1 - services \n\n        total   block\nin          0\nout         0       0\ntotal       0\n\nLocal addresses: n/a\n\n"},
		s.run("", "-netinfo", "4"))
	answers["getnetworkinfo"] = result(`{"version":200000}`)
	require.Equal(t, outcome{status: 1, stderr: "error: -netinfo requires bitcoind server to be running v0.21.0 and up\n"}, s.run("", "-netinfo"))
	answers["getpeerinfo"] = fault(`{"code":-9,"message":"off"}`)
	require.Equal(t, outcome{status: 9, stderr: "error code: -9\nerror message:\noff\n"}, s.run("", "-netinfo"))
}

func TestArgumentsOfNetInfo(t *testing.T) {
	s := bareServer(t)
	for args, fault := range map[string]string{
		"x":   "invalid -netinfo level argument: x\n",
		"-1":  "invalid -netinfo level argument: -1\n",
		"256": "invalid -netinfo level argument: 256\n",
		"1 x": "invalid -netinfo outonly argument: x\n",
		"0 o": "invalid -netinfo outonly argument: o\nThe outonly argument is only valid for a level greater than 0 (the first argument). ",
	} {
		o := s.run(strings.ReplaceAll(args, " ", "\n"), "-netinfo", "-stdin")
		require.Equal(t, outcome{status: 1, stderr: "error: " + fault + "For more information, run: bitcoin-cli -netinfo help\n"}, o)
	}
	for _, arg := range []string{"h", "help"} {
		o := s.run("", "-netinfo", arg)
		require.Equal(t, 0, o.status)
		require.Contains(t, o.stdout, "outonly")
	}
}

func TestAddrInfo(t *testing.T) {
	s := newServer(t, http.StatusOK, result(`{"ipv4":{"new":1,"tried":2,"total":3},"cjdns":{"total":0},"all_networks":{"new":1,"tried":2,"total":3}}`))
	require.Equal(t, outcome{stdout: "{\n  \"addresses_known\": {\n    \"ipv4\": 3,\n    \"cjdns\": 0,\n    \"total\": 3\n  }\n}\n"}, s.run("", "-addrinfo"))
	require.Equal(t, "getaddrmaninfo", s.last().call(t).Method)
	require.Equal(t, outcome{status: 1, stderr: "error: -addrinfo takes no arguments\n"}, s.run("", "-addrinfo", "x"))
	old := newServer(t, http.StatusOK, fault(`{"code":-32601,"message":"Method not found"}`))
	require.Contains(t, old.run("", "-addrinfo").stderr, "error: -addrinfo requires bitcoind v26.0 or later")
	for _, odd := range []string{`[]`, `{"ipv4":3}`, `{"ipv4":{}}`} {
		require.Equal(t, outcome{status: 1, stderr: "error: couldn't parse reply from server\n"}, newServer(t, http.StatusOK, result(odd)).run("", "-addrinfo"))
	}
}

func TestGenerate(t *testing.T) {
	s := newServer(t, http.StatusOK, "")
	answers := map[string]string{"getnewaddress": result(`"bcrt1q"`), "generatetoaddress": result(`["00ff"]`)}
	s.answers(answers)
	for args, params := range map[string]string{"": `[1,"bcrt1q"]`, "3": `[3,"bcrt1q"]`, "4 1000": `[4,"bcrt1q",1000]`} {
		require.Equal(t, outcome{stdout: "{\n  \"address\": \"bcrt1q\",\n  \"blocks\": [\n    \"00ff\"\n  ]\n}\n"},
			s.run("", append([]string{"-rpcwallet=w", "-generate"}, strings.Fields(args)...)...))
		require.Equal(t, params, string(s.last().call(t).Params))
		require.Equal(t, "/wallet/w", s.last().path)
	}
	for args, fault := range map[string]string{
		"foo":   "Error parsing JSON: foo",
		"0":     "the first argument (number of blocks to generate, default: 1) must be an integer value greater than zero",
		"1 2 3": "too many arguments (maximum 2 for nblocks and maxtries)",
	} {
		require.Equal(t, outcome{status: 1, stderr: "error: " + fault + "\n"}, s.run("", append([]string{"-generate"}, strings.Fields(args)...)...))
	}
	// Bitcoin Core's client takes this for no blocks.
	answers["generatetoaddress"] = fault(`{"code":-1,"message":"no"}`)
	require.Equal(t, outcome{status: 1, stderr: "error code: -1\nerror message:\nno\n"}, s.run("", "-generate"))
	answers["getnewaddress"] = fault(`{"code":-18,"message":"No wallet"}`)
	require.Equal(t, outcome{status: 18, stderr: "error code: -18\nerror message:\nNo wallet\n"}, s.run("", "-generate", "0"))
}
