package rpc

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func helped() *Command {
	return &Command{
		Name: "probe", Category: "Util", Summary: "Probes.",
		Params: []Param{
			{Name: "outputs", Type: Array, Help: "Which.", Inner: []Param{
				{Type: Object, Inner: []Param{
					{Name: "txid", Type: String, Form: Hex, Help: "Whose."}, {Name: "vout", Type: Number, Help: "Its\nnumber."},
					{Name: "more", Type: Array, Optional: true, Inner: []Param{{Name: "word", Type: String}}},
				}},
				{Name: "text", Type: String},
			}},
			{Name: "height", Form: HeightOrHash, Optional: true, Default: "the tip"},
			{Name: "filter", Type: Array, Optional: true, Short: "filter", Inner: []Param{{Name: "word", Type: String}}},
			{Name: "options", Type: Object, Optional: true, Members: []string{"deep"}, Inner: []Param{
				{Name: "deep", Type: Bool, Optional: true, Default: "false", Help: "How."},
			}},
			{Name: "wait", Type: Number, Optional: true, Hidden: true},
		},
		Returns:  Alternatives{Null{}, map[string][]Amount{}},
		Examples: []string{`[["x"], 7]`},
	}
}

func TestHelp(t *testing.T) {
	require.Equal(t, `probe [{"txid":"hex","vout":n,"more":["word",...]},"text",...] ( height filter {"deep":bool,...} )

Probes.

Arguments:
1. outputs                 (json array, required) Which.
     [
       {
         "txid": "hex",    (string, required) Whose.
         "vout": n,        (numeric, required) Its
                           number.
         "more": [
           "word",         (string, required)
           ...
         ],
       },
       "text",             (string, required)
       ...
     ]
2. height                  (numeric or string, optional, default=the tip)
3. filter                  (json array, optional)
     [
       "word",             (string, required)
       ...
     ]
4. options                 (json object, optional)

Named Arguments:
deep    (boolean, optional, default=false) How.

Result:
null    (json null)

Result:
{               (json object)
  "name" : [    (json array)
    n,          (numeric)
    ...
  ],
  ...
}

Examples:
> bitcoin-cli probe '["x"]' 7
> curl --user myusername --data-binary '{"jsonrpc": "2.0", "id": "curltest", "method": "probe", "params": [["x"], 7]}' -H 'content-type: application/json' http://127.0.0.1:8332/
`, helped().help())
	bare := Command{Name: "count", Summary: "Counts.", Category: "Util"}
	require.Contains(t, bare.help(), "> bitcoin-cli count\n")
	bare.Category = "hidden"
	require.Equal(t, "count\n\nCounts.\n", bare.help())
}

// The gateway knows of a command what documents need.
func TestInfo(t *testing.T) {
	info, err := helped().info()
	require.NoError(t, err)
	require.Len(t, info.Params, 5)
	require.Equal(t, ParamInfo{
		Names: []string{"options"}, Members: []MemberInfo{{Name: "deep"}},
		Schema: json.RawMessage(`{"additionalProperties":false,"properties":{"deep":{"default":false,"description":"How.","type":"boolean"}},"type":"object"}`),
	}, info.Params[3])
	require.True(t, info.Params[4].Hidden)
	require.True(t, info.Params[0].Required)
	require.JSONEq(t, `{"oneOf":[{"type":"null"},{"type":"object","additionalProperties":{"type":"array","items":{"type":"number","x-bitcoin-unit":"amount"}}}]}`, string(info.Result))
	info, err = (&Command{Name: "probe", Params: []Param{{Name: "a|b", Form: Anything}}}).info()
	require.NoError(t, err)
	require.Equal(t, []ParamInfo{{Names: []string{"a", "b"}, Required: true, Text: true, Schema: json.RawMessage("{}")}}, info.Params)
	require.Nil(t, info.Result)
}
