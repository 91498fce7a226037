package miniscript_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/miniscript"
)

// known is a script, and how Bitcoin Core writes it out; "" if it does not.
type known struct {
	Script string `json:"script"`
	Text   string `json:"text"`
}

func (k known) raw(t testing.TB) []byte {
	raw, err := hex.DecodeString(k.Script)
	require.NoError(t, err)
	return raw
}

func knownScripts(t testing.TB) (list []known) {
	raw, err := os.ReadFile("testdata/scripts.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &list))
	require.Equal(t, 85, len(list))
	return list
}

func TestKnownScripts(t *testing.T) {
	for _, k := range knownScripts(t) {
		require.Equal(t, k.Text, miniscript.FromScript(k.raw(t)), k.Script)
	}
}

const (
	key1 = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
	key2 = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5"
)

// TestWhatIsNotSane: the rules of BIP379 beyond the types.
func TestWhatIsNotSane(t *testing.T) {
	sign1, sign2 := "21"+key1+"ad", "21"+key2+"ad" // v:pk()
	older, olderTime := "52b2", "0305"+"0040"+"b2"
	for name, c := range map[string]struct{ script, want string }{
		"two keys":                  {sign1 + "21" + key2 + "ac", "and_v(v:pk(" + key1 + "),pk(" + key2 + "))"},
		"a key twice":               {sign1 + "21" + key1 + "ac", ""},
		"no signature":              {"52b2", ""},
		"locks of one kind":         {sign1 + older + "69" + "53b2", "and_v(and_v(v:pk(" + key1 + "),v:older(2)),older(3))"},
		"locks of both kinds":       {sign1 + older + "69" + olderTime, ""},
		"one of both kinds":         {"63" + sign1 + older + "67" + sign2 + olderTime + "68", "or_i(and_v(v:pk(" + key1 + "),older(2)),and_v(v:pk(" + key2 + "),older(4194309)))"},
		"anybody may choose":        {"63" + "51" + "67" + "52b2" + "68", ""},
		"an uncompressed key":       {"41" + strings.Repeat("04", 65) + "ac", ""},
		"a key hash":                {"76a9" + "14" + strings.Repeat("01", 20) + "88ac", ""},
		"a push that is not short":  {"4c21" + key1 + "ac", ""},
		"VERIFY that could merge":   {"21" + key1 + "ac69" + "51", ""},
		"VERIFY that merged":        {sign2 + "51", "tv:pk(" + key2 + ")"},
		"a lock of zero":            {sign1 + "00b2", ""},
		"a lock too large":          {sign1 + "05" + "0000008000" + "b2", ""},
		"a number that is negative": {sign1 + "4fb2", ""},
		"more keys than there are":  {"52" + "21" + key1 + "51ae", ""},
		"no count":                  {"21" + key1 + "51ae", ""},
		"an end alone":              {"68", ""},
		"an alternative alone":      {"6768", ""},
		"nothing":                   {"", ""},
	} {
		raw, err := hex.DecodeString(c.script)
		require.NoError(t, err, name)
		require.Equal(t, c.want, miniscript.FromScript(raw), name)
	}
}

// TestLimits: 201 opcodes and checks of signatures, 100 elements, 3600 bytes.
func TestLimits(t *testing.T) {
	repeat := func(n int, piece string) []byte {
		raw, err := hex.DecodeString(strings.Repeat(piece, n) + "21" + key1 + "ac")
		require.NoError(t, err)
		return raw
	}
	const lock = "51b269" // two opcodes
	require.NotEmpty(t, miniscript.FromScript(repeat(100, lock)))
	require.Empty(t, miniscript.FromScript(repeat(101, lock)))
	const preimage = "82012088a820" // one element, four opcodes, and the hash
	require.NotEmpty(t, miniscript.FromScript(repeat(50, preimage+strings.Repeat("11", 32)+"88")))
	require.Empty(t, miniscript.FromScript(make([]byte, 3601)))
}

func FuzzFromScript(f *testing.F) {
	for _, k := range knownScripts(f) {
		f.Add(k.raw(f))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		text := miniscript.FromScript(script)
		require.Equal(t, strings.Count(text, "("), strings.Count(text, ")"))
	})
}
