package rpc

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// asJSON returns a value as a client sees it.
func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := marshal(v)
	require.NoError(t, err)
	return string(raw)
}

func TestSchemasOfParameters(t *testing.T) {
	const (
		hex  = `{"type":"string","pattern":"^[0-9a-fA-F]+$"}`
		span = `{"oneOf":[{"type":"number"},{"type":"array","items":[{"type":"number"},{"type":"number"}],"additionalItems":false,"minItems":2,"maxItems":2}]}`
	)
	for want, p := range map[string]Param{
		`{}`: {}, `{"type":"number"}`: {Type: Number}, `{"type":"boolean","default":true}`: {Type: Bool, Default: "true"},
		`{"type":"string","default":"basic"}`:                       {Type: String, Default: `"basic"`},
		`{"type":"string","x-bitcoin-default-hint":"all networks"}`: {Type: String, Default: "all networks"},
		hex: {Type: String, Form: Hex}, span: {Form: Range}, `{"type":"object"}`: {Type: Object},
		`{"oneOf":[{"type":"integer"},{"type":"string"}]}`:                         {Form: HeightOrHash},
		`{"oneOf":[{"type":"number"},{"type":"string"}]}`:                          {Form: Money},
		`{"type":"array","items":{}}`:                                              {Type: Array},
		`{"type":"array","items":` + hex + `}`:                                     {Type: Array, Inner: []Param{{Type: String, Form: Hex}}},
		`{"type":"array","items":{"oneOf":[{"type":"string"},{"type":"number"}]}}`: {Type: Array, Inner: []Param{{Type: String}, {Type: Number}}},
		`{"type":"object","properties":{"a":{"type":"string","description":"What."},"b":{"type":"number"}},"additionalProperties":false,"required":["a"]}`: {
			Type: Object, Inner: []Param{{Name: "a", Type: String, Help: "What."}, {Name: "b", Type: Number, Optional: true}},
		},
		`{"oneOf":[{"type":"array","items":{"type":"object","additionalProperties":{"type":"number"},"description":"How many."}},{"type":"object"}]}`: {
			Form: Pairs, Inner: []Param{{Type: Object, Form: Keyed, Inner: []Param{{Name: "who", Type: Number, Help: "How many."}}}},
		},
	} {
		require.JSONEq(t, want, asJSON(t, p.schema()))
	}
}

type inner struct {
	Load *int   `json:"load"`
	Note string `json:"note,omitempty"`
}

type sample struct {
	*inner
	Amount Amount          `json:"amount"`
	Fee    *Amount         `json:"fee,omitempty"`
	Rate   Float           `json:"rate"`
	Five   [2]int64        `json:"five"`
	Names  []string        `json:"names"`
	By     map[string]bool `json:"by"`
	Any    any             `json:"any"`
	Raw    json.RawMessage `json:"raw"`
	Self   []sample        `json:"self,omitempty"`
	Hidden int             `json:"-"`
}

// What a command returns is told by its type.
func TestSchemasOfResults(t *testing.T) {
	require.JSONEq(t, `{"type":"object","additionalProperties":false,
		"required":["amount","rate","five","names","by","any","raw"],
		"properties":{
			"load":{"oneOf":[{"type":"number"},{"type":"null"}]},"note":{"type":"string"},
			"amount":{"type":"number","x-bitcoin-unit":"amount"},"fee":{"type":"number","x-bitcoin-unit":"amount"},"rate":{"type":"number"},
			"five":{"type":"array","items":[{"type":"number"},{"type":"number"}],"additionalItems":false,"minItems":2,"maxItems":2},
			"names":{"type":"array","items":{"type":"string"}},"by":{"type":"object","additionalProperties":{"type":"boolean"}},
			"any":{},"raw":{},"self":{"type":"array","items":{}}}}`, asJSON(t, schemaOf(sample{})))
	require.NotContains(t, schemaOf(Some{Of: sample{}}), "required")
	require.JSONEq(t, `{"oneOf":[{"type":"null"},{"type":"string","pattern":"^[0-9a-fA-F]+$"},{"const":false}]}`,
		asJSON(t, schemaOf(Alternatives{Null{}, Hex, Never})))
	require.Empty(t, schemaOf(nil))
}

func TestCheckResult(t *testing.T) {
	whole := sample{Names: []string{}, By: map[string]bool{"x": true}, Raw: json.RawMessage(`[1]`)}
	for _, tc := range []struct {
		returns, result any
		fault           string
	}{
		{nil, 7, ""},
		{sample{}, whole, ""},
		{sample{}, sample{By: whole.By, Raw: whole.Raw}, "names: a value of type null is not array"},
		{sample{}, map[string]int{"amount": 1, "zap": 1}, "zap"},
		{Some{Of: inner{}}, map[string]string{"note": "x"}, ""},
		{inner{}, map[string]string{"note": "x"}, "no member load"},
		{Hex, "00ff", ""},
		{Hex, "0x", `"0x" does not match`},
		{Never, true, "true is not false"},
		{Alternatives{Null{}, 0}, nil, ""},
		{Alternatives{Null{}, 0}, "x", "a value of type string is not number"},
		{[2]int{}, []int{1}, "an array of 1, not of 2"},
		{[]string{}, []any{"x", 1}, "[1]: a value of type number is not string"},
	} {
		err := (&Command{Name: "probe", Returns: tc.returns}).CheckResult(tc.result)
		if tc.fault == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, tc.fault)
	}
}
