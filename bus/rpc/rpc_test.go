package rpc_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

func testCommand() *rpc.Command {
	return &rpc.Command{
		Name: "probe", Category: "Blockchain", Summary: "Probes.",
		Params: []rpc.Param{
			{Name: "nblocks", Type: rpc.Number, Help: "How many."},
			{Name: "address", Type: rpc.String, Help: "Whose."},
			{Name: "verbosity|verbose", Type: rpc.Any, Optional: true, Default: "1", Help: "How much."},
		},
	}
}

func TestArguments(t *testing.T) {
	for _, tc := range []struct{ name, params, fault string }{
		{"positional", `[3, "x"]`, ""},
		{"named", `{"address":"x","nblocks":3}`, ""},
		{"alias", `{"address":"x","nblocks":3,"verbose":true}`, ""},
		{"mixed", `{"args":[3],"address":"x"}`, ""},
		{"trailing null", `[3,"x",null]`, ""},
		{"null", `[null,"x"]`, "Wrong type passed:\n{\n    \"Position 1 (nblocks)\": \"JSON value of type null is not of expected type number\"\n}"},
		{"hole", `{"address":"x"}`, "Wrong type passed:\n{\n    \"Position 1 (nblocks)\": \"JSON value of type null is not of expected type number\"\n}"},
		{"missing", `[3]`, "probe nblocks \"address\" ( verbosity )\n\nProbes.\n"},
		{"too many", `[3,"x",1,2]`, "probe nblocks"},
		{"unknown name", `{"address":"x","nblocks":3,"zap":1}`, "Unknown named parameter zap"},
		{"twice", `{"args":[3],"address":"x","nblocks":4}`, "Parameter nblocks specified twice both as positional and named argument"},
		{"name twice", `{"nblocks":3,"address":"x","nblocks":4}`, "Parameter nblocks specified multiple times"},
		{"args twice", `{"args":"[3]","args":[4,"x"]}`, "Parameter args specified multiple times"},
		{"number for an object", `7`, "Params must be an array or object"},
		{"wrong types", `["3", 4]`, "Wrong type passed:\n{\n" +
			"    \"Position 1 (nblocks)\": \"JSON value of type string is not of expected type number\",\n" +
			"    \"Position 2 (address)\": \"JSON value of type number is not of expected type string\"\n}"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			call, err := rpc.NewCall(testCommand(), tc.params)
			if tc.fault != "" {
				require.ErrorContains(t, err, tc.fault)
				return
			}
			require.NoError(t, err)
			n, err := call.Int(0, 0)
			require.NoError(t, err)
			require.Equal(t, 3, n)
			address, err := call.Text(1, "")
			require.NoError(t, err)
			require.Equal(t, "x", address)
		})
	}
}

// Members of an object may be given by their own names instead.
func TestNamedMembers(t *testing.T) {
	command := &rpc.Command{Name: "probe", Params: []rpc.Param{
		{Name: "outputs", Type: rpc.Array, Help: "Which."},
		{Name: "options", Type: rpc.Object, Optional: true, Help: "How.", Members: []string{"deep", "wide"}},
	}}
	for _, tc := range []struct{ params, options, fault string }{
		{`[[], {"deep":true}]`, `{"deep":true}`, ""},
		{`{"outputs":[],"deep":true,"wide":3}`, `{"deep":true,"wide":3}`, ""},
		{`{"args":[[]],"wide":3}`, `{"wide":3}`, ""},
		{`{"outputs":[],"options":{"wide":3}}`, `{"wide":3}`, ""},
		{`{"outputs":[],"options":{},"wide":3}`, "", "Parameter options conflicts with parameter wide"},
		{`{"args":[[],{}],"wide":3}`, "", "Parameter options specified twice both as positional and named argument"},
		{`{"outputs":[],"high":3}`, "", "Unknown named parameter high"},
	} {
		call, err := rpc.NewCall(command, tc.params)
		if tc.fault != "" {
			require.EqualError(t, err, tc.fault)
			continue
		}
		require.NoError(t, err)
		require.JSONEq(t, tc.options, string(call.Raw(1)))
	}
}

func TestCheckObject(t *testing.T) {
	for text, fault := range map[string]string{
		`{"a":"x","b":1}`:         "",
		`{"a":"x","b":null}`:      "",
		`[]`:                      "JSON value of type array is not of expected type object",
		`{"b":1}`:                 "Missing a",
		`{"a":null}`:              "Missing a",
		`{"a":1,"b":"x"}`:         "JSON value of type number for field a is not of expected type string",
		`{"a":"x","b":[]}`:        "JSON value of type array for field b is not of expected type number",
		`{"a":"x","b":1,"c":"x"}`: "Unexpected key c",
	} {
		err := rpc.CheckObject(json.RawMessage(text),
			rpc.Member{Name: "a", Type: rpc.String}, rpc.Member{Name: "b", Type: rpc.Number, Optional: true})
		if fault == "" {
			require.NoError(t, err, text)
			continue
		}
		var e *rpc.Error
		require.ErrorAs(t, err, &e, text)
		require.Equal(t, rpc.Error{Code: rpc.TypeError, Message: fault}, *e)
	}
}

func TestIntegersAreBounded(t *testing.T) {
	for _, bad := range []string{"2147483648", "1.5", "1e3"} {
		call, err := rpc.NewCall(testCommand(), `[`+bad+`,"x"]`)
		require.NoError(t, err)
		_, err = call.Int(0, 0)
		require.EqualError(t, err, "JSON integer out of range")
	}
}

func TestHashTexts(t *testing.T) {
	_, err := rpc.ParseHash("abc", "blockhash")
	require.EqualError(t, err, "blockhash must be of length 64 (not 3, for 'abc')")
	_, err = rpc.ParseHash("zz00000000000000000000000000000000000000000000000000000000000000", "blockhash")
	require.ErrorContains(t, err, "blockhash must be hexadecimal string (not 'zz")
}

func TestAmounts(t *testing.T) {
	for text, want := range map[string]string{
		`1`: "1.00000000", `"0.00000001"`: "0.00000001", `20999999.99999999`: "20999999.99999999",
		`1e-8`: "0.00000001", `0`: "0.00000000", `1.10e1`: "11.00000000", `0.000000010`: "0.00000001",
	} {
		amount, err := rpc.ParseAmount(json.RawMessage(text))
		require.NoError(t, err, text)
		encoded, err := json.Marshal(amount)
		require.NoError(t, err)
		require.Equal(t, want, string(encoded), text)
	}
	for text, fault := range map[string]string{
		`true`: "Amount is not a number or string", `"abc"`: "Invalid amount", `0.000000001`: "Invalid amount",
		`-1`: "Amount out of range", `21000001`: "Amount out of range", `1e30`: "Amount out of range", `".5"`: "Invalid amount",
		`"00"`: "Invalid amount", `"01.5"`: "Invalid amount", `"1."`: "Invalid amount", `" 1"`: "Invalid amount", `"1e2x"`: "Invalid amount", `"1e"`: "Invalid amount",
	} {
		_, err := rpc.ParseAmount(json.RawMessage(text))
		require.EqualError(t, err, fault, text)
	}
	require.Equal(t, "-0.50000000", rpc.Amount(-50_000_000).String())
}

// A client finds by name and by position what a word of its command line stands for.
func TestWordsOfParameters(t *testing.T) {
	table := rpc.Table{*testCommand(), {Name: "dig", Params: []rpc.Param{
		{Name: "path", Type: rpc.String, Word: rpc.Free},
		{Name: "options", Type: rpc.Object, Members: []string{"deep", "until"}, MemberWords: map[string]rpc.Word{"until": rpc.Either}},
	}}}
	dig, known := table.Find("dig")
	require.True(t, known)
	_, known = table.Find("dug")
	require.False(t, known)
	for name, word := range map[string]rpc.Word{"path": rpc.Free, "options": rpc.ByType, "deep": rpc.ByType, "until": rpc.Either} {
		p, known := dig.Named(name)
		require.True(t, known, name)
		require.Equal(t, word, p.Word, name)
		require.Equal(t, word == rpc.ByType, p.IsJSON(), name)
	}
	_, known = dig.Named("wide")
	require.False(t, known)
	verbosity, known := table[0].At(2)
	require.True(t, known)
	require.Equal(t, []string{"verbosity", "verbose"}, verbosity.Names())
	require.True(t, verbosity.IsJSON())
	address, known := table[0].At(1)
	require.True(t, known)
	require.False(t, address.IsJSON())
	for _, position := range []int{-1, 3} {
		_, known = table[0].At(position)
		require.False(t, known)
	}
}
