package rest_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/gateway/rest"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

var (
	hash  = strings.Repeat("01", 31) + "2f"
	other = strings.Repeat("0A", 32)
)

func parse(t testing.TB, target, body string) (*rest.Query, *rest.Refusal) {
	t.Helper()
	endpoint, ok := rest.Find(target)
	require.True(t, ok, target)
	query, refusal := endpoint.Parse([]byte(body))
	require.NotEqual(t, query == nil, refusal == nil, target)
	return query, refusal
}

func TestTargetsAreCommands(t *testing.T) {
	const octets, text, object = "application/octet-stream", "text/plain", "application/json"
	for _, tc := range []struct {
		target, command, params, kind, cache string
	}{
		{"tx/" + hash + ".json", "rest_tx", `["` + hash + `",true]`, object, rest.NoStore},
		{"tx/" + hash + ".bin?x=.json", "rest_tx", `["` + hash + `",false]`, octets, rest.NoStore},
		{"block/" + other + ".json", "getblock", `["` + other + `",3]`, object, rest.NoStore},
		{"block/notxdetails/" + hash + ".json", "getblock", `["` + hash + `",1]`, object, rest.NoStore},
		{"block/notxdetails/" + hash + ".hex", "getblock", `["` + hash + `",0]`, text, rest.Immutable},
		{"blockpart/" + hash + ".hex?offset=0&size=18446744073709551615", "rest_blockpart", `["` + hash + `",0,1099511627776]`, text, rest.Immutable},
		{"blockfilter/basic/" + hash + ".json", "getblockfilter", `["` + hash + `","basic"]`, object, rest.Immutable},
		{"blockfilterheaders/basic/" + hash + ".bin?count=7", "rest_blockfilterheaders", `["` + hash + `",7,false]`, octets, rest.NoStore},
		{"blockfilterheaders/basic/2000/" + hash + ".json?count=7", "rest_blockfilterheaders", `["` + hash + `",2000,true]`, object, rest.NoStore},
		{"headers/" + hash + ".json", "rest_headers", `["` + hash + `",5,true]`, object, rest.NoStore},
		{"headers/" + hash + ".hex?%63ount=%31&count=2", "rest_headers", `["` + hash + `",1,false]`, text, rest.NoStore},
		{"headers/3/" + hash + ".bin", "rest_headers", `["` + hash + `",3,false]`, octets, rest.NoStore},
		{"chaininfo.json", "getblockchaininfo", `[]`, object, rest.NoStore},
		{"mempool/info.json", "getmempoolinfo", `[]`, object, rest.NoStore},
		{"mempool/contents.json?%", "getrawmempool", `[true,false]`, object, rest.NoStore},
		{"mempool/contents.json?verbose=false&mempool_sequence=true#verbose=true", "getrawmempool", `[false,true]`, object, rest.NoStore},
		{"deploymentinfo.json", "getdeploymentinfo", `[]`, object, rest.NoStore},
		{"deploymentinfo/" + hash + ".json", "getdeploymentinfo", `["` + hash + `"]`, object, rest.Immutable},
		{"blockhashbyheight/007.hex", "getblockhash", `[7]`, text, rest.NoStore},
		{"spenttxouts/" + hash + ".bin", "rest_spenttxouts", `["` + hash + `",false]`, octets, rest.Immutable},
		{"getutxos/checkmempool/" + hash + "-4294967295.json", "rest_utxos", `[[{"txid":"` + hash + `","vout":4294967295}],true,true]`, object, rest.NoStore},
	} {
		query, refusal := parse(t, "/rest/"+tc.target, "")
		require.Nil(t, refusal, tc.target)
		require.Nil(t, query.Then, tc.target)
		require.Equal(t, []string{tc.command, tc.params, tc.kind, tc.cache}, []string{query.Command, string(query.Params), query.Type, query.Cache}, tc.target)
	}
}

func TestWrongRequestsAreRefused(t *testing.T) {
	count := func(text string) string {
		return "Header count is invalid or out of acceptable range (1-2000): " + text
	}
	for target, want := range map[string]rest.Refusal{
		"tx/abc.json":                                           {400, "Invalid hash: abc"},
		"tx/" + hash + "%.json":                                 {400, "Invalid hash: " + hash + "%"},
		"block/" + hash + ".xml":                                {400, "Invalid hash: " + hash + ".xml"},
		"blockpart/" + hash + ".bin?offset=-1&size=1":           {400, "Block part offset missing or invalid"},
		"blockpart/" + hash + ".bin?offset=1&size=+1":           {400, "Block part size missing or invalid"},
		"blockfilter/basic.json":                                {400, "Invalid URI format. Expected /rest/blockfilter/<filtertype>/<blockhash>"},
		"blockfilter/other/" + hash + ".json":                   {400, "Unknown filtertype other"},
		"blockfilterheaders/" + hash + ".json":                  {400, "Invalid URI format. Expected /rest/blockfilterheaders/<filtertype>/<blockhash>.<ext>?count=<count>"},
		"headers/a/b/c.json":                                    {400, "Invalid URI format. Expected /rest/headers/<hash>.<ext>?count=<count>"},
		"headers/" + hash + ".json?count=2001":                  {400, count("2001")},
		"headers/" + hash + ".json?count":                       {400, count("")},
		"headers/99999999999999999999/" + hash + ".json":        {400, count("99999999999999999999")},
		"chaininfo.bin":                                         {404, "output format not found (available: json)"},
		"chaininfo.json?a?b":                                    {404, "output format not found (available: json)"},
		"deploymentinfo/abc.json":                               {400, "Invalid hash: abc"},
		"mempool/other.json":                                    {400, "Invalid URI format. Expected /rest/mempool/<info|contents>.json"},
		"mempool/contents.json?verbose=TRUE":                    {400, `The "verbose" query parameter must be either "true" or "false".`},
		"mempool/contents.json?mempool_sequence=true":           {400, `Verbose results cannot contain mempool sequence values. (hint: set "verbose=false")`},
		"blockhashbyheight/+1.json":                             {400, "Invalid height: +1"},
		"blockhashbyheight/2147483648<\x01.json":                {400, "Invalid height: 2147483648"},
		"spenttxouts/a/b.json":                                  {400, "Invalid URI format. Expected /rest/spenttxouts/<hash>.<ext>"},
		"getutxos.json":                                         {400, "Error: empty request"},
		"getutxos/checkmempool.bin":                             {400, "Error: empty request"},
		"getutxos/" + hash + "--1.json":                         {400, "Parse error"},
		"getutxos/" + hash + "-1/.json":                         {400, "Parse error"},
		"getutxos/" + hash + "-1":                               {404, "output format not found (available: .bin, .hex, .json)"},
		"getutxos" + strings.Repeat("/"+hash+"-1", 16) + ".bin": {400, "Error: max outpoints exceeded (max: 15, tried: 16)"},
	} {
		_, refusal := parse(t, "/rest/"+target, "")
		require.NotNil(t, refusal, target)
		require.Equal(t, want, *refusal, target)
	}
	for _, target := range []string{"/", "/rest", "/rest/", "/rest/tx", "/restx/tx/" + hash, "/rest/block", "rest/chaininfo.json"} {
		_, ok := rest.Find(target)
		require.False(t, ok, target)
	}
}

// What is wrong with a format is told when nothing else was.
func TestSomeAreRefusedInTheEnd(t *testing.T) {
	query, _ := parse(t, "/rest/block/"+hash, "")
	require.Equal(t, &rest.Refusal{Status: 404, Text: "output format not found (available: .bin, .hex, .json)"}, query.Then)
	query, _ = parse(t, "/rest/blockpart/"+hash+".json?offset=1&size=1", "")
	require.Equal(t, &rest.Refusal{Status: 400, Text: "JSON output is not supported for this request type"}, query.Then)
}

func TestErrorsOfCommandsAreRefusals(t *testing.T) {
	for _, tc := range []struct {
		target string
		err    rpc.Error
		want   rest.Refusal
	}{
		{"tx/" + hash, rpc.Error{Code: rpc.InvalidAddressOrKey}, rest.Refusal{Status: 404, Text: hash + " not found"}},
		{"tx/" + hash, rpc.Error{Code: rpc.InWarmup, Message: "soon"}, rest.Refusal{Status: 503, Text: "Service temporarily unavailable: soon"}},
		{"tx/" + hash, rpc.Error{Code: rpc.MiscError, Message: "odd"}, rest.Refusal{Status: 500, Text: "odd"}},
		{"block/" + hash, rpc.Error{Code: rpc.MiscError, Message: "Block not available (pruned data)"}, rest.Refusal{Status: 404, Text: hash + " not available (pruned data)"}},
		{"block/" + hash, rpc.Error{Code: rpc.MiscError, Message: "Block not found on disk"}, rest.Refusal{Status: 500, Text: "I/O error reading " + hash}},
		{"block/" + hash, rpc.Error{Code: rpc.InvalidAddressOrKey}, rest.Refusal{Status: 404, Text: hash + " not found"}},
		{"blockpart/" + hash + "?offset=18446744073709551615&size=3", rpc.Error{Code: rpc.InvalidParameter}, rest.Refusal{Status: 400, Text: "Bad block part offset/size 18446744073709551615/3 for " + hash}},
		{"blockfilter/basic/" + hash, rpc.Error{Code: rpc.MiscError, Message: "Index is not enabled for filtertype basic"}, rest.Refusal{Status: 400, Text: "Index is not enabled for filtertype basic"}},
		{"blockfilter/basic/" + hash, rpc.Error{Code: rpc.InvalidAddressOrKey, Message: "Filter not found. Block was not connected to active chain."}, rest.Refusal{Status: 404, Text: "Filter not found. Block was not connected to active chain."}},
		{"blockfilter/basic/" + hash, rpc.Error{Code: rpc.InvalidAddressOrKey, Message: "Block not found"}, rest.Refusal{Status: 404, Text: hash + " not found"}},
		{"deploymentinfo/" + hash + ".json", rpc.Error{Code: rpc.InvalidAddressOrKey}, rest.Refusal{Status: 400, Text: "Block not found"}},
		{"blockhashbyheight/9.bin", rpc.Error{Code: rpc.InvalidParameter, Message: "Block height out of range"}, rest.Refusal{Status: 404, Text: "Block height out of range"}},
		{"spenttxouts/" + hash, rpc.Error{Code: rpc.MiscError}, rest.Refusal{Status: 404, Text: hash + " undo not available"}},
	} {
		query, refusal := parse(t, "/rest/"+tc.target, "")
		require.Nil(t, refusal)
		require.Equal(t, tc.want, *query.Refuse(&tc.err), tc.target)
	}
}

func TestOutputsInABody(t *testing.T) {
	one := "\x01\x02" + strings.Repeat("\x00", 31) + "\xab\x07\x00\x00\x00" + strings.Repeat("\x11", 32) + "\xff\xff\xff\xff"
	const want = `[[{"txid":"ab00000000000000000000000000000000000000000000000000000000000000","vout":7},` +
		`{"txid":"1111111111111111111111111111111111111111111111111111111111111111","vout":4294967295}],true,false]`
	spaced := " " + hex.EncodeToString([]byte(one[:1])) + "\n" + hex.EncodeToString([]byte(one[1:])) + "\r\n"
	for target, body := range map[string]string{"getutxos.bin": one + "more", "getutxos/.hex": spaced} {
		query, refusal := parse(t, "/rest/"+target, body)
		require.Nil(t, refusal, target)
		require.Equal(t, want, string(query.Params), target)
	}
	query, _ := parse(t, "/rest/getutxos.hex", "no hexadecimal")
	require.Equal(t, `[[],false,false]`, string(query.Params))
	for body, want := range map[string]string{
		"\x01":                                     "Parse error",
		one[:len(one)-1]:                           "Parse error",
		"\x00\xff" + strings.Repeat("\xff", 8):     "Parse error",
		"\x00\xfe\xff\xff\xff\x01":                 "Parse error",
		"\x00\x10" + strings.Repeat("\x00", 36*16): "Error: max outpoints exceeded (max: 15, tried: 16)",
		"": "Error: empty request",
	} {
		_, refusal := parse(t, "/rest/getutxos.bin", body)
		require.Equal(t, &rest.Refusal{Status: 400, Text: want}, refusal)
	}
	_, refusal := parse(t, "/rest/getutxos/"+hash+"-1.bin", one)
	require.Equal(t, &rest.Refusal{Status: 400, Text: "Combination of URI scheme inputs and raw post data is not allowed"}, refusal)
}

func TestBodies(t *testing.T) {
	block := strings.Repeat("00", 31) + "01"
	for _, tc := range []struct{ target, result, want string }{
		{"block/" + hash + ".hex", `"00ff"`, "00ff\n"},
		{"block/" + hash + ".bin", `"00ff"`, "\x00\xff"},
		{"headers/" + hash + ".bin", `""`, ""},
		{"headers/" + hash + ".hex", `""`, "\n"},
		{"chaininfo.json", `{"a":1}`, "{\"a\":1}\n"},
		{"blockhashbyheight/1.json", `"` + block + `"`, `{"blockhash":"` + block + "\"}\n"},
		{"blockhashbyheight/1.hex", `"` + block + `"`, block + "\n"},
		{"blockhashbyheight/1.bin", `"` + block + `"`, "\x01" + strings.Repeat("\x00", 31)},
		{"blockfilter/basic/" + block + ".json", `{"filter":"0123","header":"x"}`, "{\"filter\":\"0123\"}\n"},
		{"blockfilter/basic/" + block + ".hex", `{"filter":"0123","header":"x"}`, "0001" + strings.Repeat("00", 31) + "020123\n"},
	} {
		query, _ := parse(t, "/rest/"+tc.target, "")
		for _, in := range []io.Reader{strings.NewReader(tc.result), iotest.OneByteReader(strings.NewReader(tc.result)), iotest.DataErrReader(strings.NewReader(tc.result))} {
			got, err := io.ReadAll(query.Body(in))
			require.NoError(t, err, tc.target)
			require.Equal(t, tc.want, string(got), tc.target)
		}
	}
}

// What no such command returns must not pass for an answer.
func TestWrongResultsFail(t *testing.T) {
	for _, tc := range []struct{ target, result string }{
		{"block/" + hash + ".hex", `"00ff`}, {"block/" + hash + ".hex", `"00"ff"`}, {"block/" + hash + ".hex", `"00" `}, {"block/" + hash + ".hex", `00`},
		{"block/" + hash + ".hex", `null`}, {"block/" + hash + ".hex", ``}, {"block/" + hash + ".hex", `"0\u0030"`},
		{"block/" + hash + ".bin", `"00f"`}, {"block/" + hash + ".bin", `"00ff`},
		{"blockhashbyheight/1.bin", `"0g"`}, {"blockhashbyheight/1.json", `{}`},
		{"blockfilter/basic/" + hash + ".bin", `{"filter":"0"}`},
		{"blockfilter/basic/" + hash + ".bin", `"` + strings.Repeat("0", 5<<20) + `"`},
	} {
		query, _ := parse(t, "/rest/"+tc.target, "")
		_, err := io.ReadAll(query.Body(strings.NewReader(tc.result)))
		require.Error(t, err, "%s %.20s", tc.target, tc.result)
	}
}

func FuzzParse(f *testing.F) {
	for _, target := range []string{"/rest/tx/" + hash + ".json", "/rest/headers/5/" + hash + ".bin?count=%31", "/rest/getutxos.hex", "/rest/getutxos/checkmempool/" + hash + "-1.json", "/rest/blockpart/x?offset=1&size=2", "/rest/mempool/contents.json?verbose"} {
		f.Add(target, []byte("\x01\x01"+strings.Repeat("\x02", 36)))
	}
	f.Fuzz(func(t *testing.T, target string, body []byte) {
		endpoint, ok := rest.Find(target)
		if !ok {
			return
		}
		query, refusal := endpoint.Parse(slices.Clone(body))
		if refusal != nil {
			require.Nil(t, query)
			require.GreaterOrEqual(t, refusal.Status, 400)
			return
		}
		var params []any
		require.NoError(t, json.Unmarshal(query.Params, &params))
		require.Less(t, len(query.Params), 2000)
		require.False(t, bytes.ContainsAny([]byte(query.Type+query.Cache), "\r\n"))
	})
}
