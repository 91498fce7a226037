package rpc_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

func TestMessagesAreSignedAndVerified(t *testing.T) {
	const (
		key       = "cUeKHd5orzT3mz8P9pxyREHfsWtVfgsfDjiZZBcjUBAaGk1BTj7N"
		owner     = "mpLQjfK79b7CCV4VMJWEWAj5Mpx8Up5zxB"
		signature = "INbVnW4e6PeRmsv2Qgu8NuopvrVjkcxob+sX8OcZG0SALhWybUjzMLPdAsXI46YZGb0KQTRii+wWIQzRpG/U+S0="
		text      = "This is just a test message"
	)
	table := pureTable(t)
	signed, err := answerOf(t, table, "signmessagewithprivkey", `["`+key+`", "`+text+`"]`)
	require.NoError(t, err)
	require.Equal(t, `"`+signature+`"`, signed)
	for params, want := range map[string]string{
		`["` + owner + `", "` + signature + `", "` + text + `"]`:                                    "true",
		`{"signature": "` + signature + `", "message": "` + text + `", "address": "` + owner + `"}`: "true",
		`["` + owner + `", "` + signature + `", "another"]`:                                         "false",
		`["` + owner + `", "", "` + text + `"]`:                                                     "false",
		`["mkHS9ne12qx9pS9VojpwU5xtRd4T7X7ZUt", "` + signature + `", "` + text + `"]`:               "false",
	} {
		valid, err := answerOf(t, table, "verifymessage", params)
		require.NoError(t, err, params)
		require.Equal(t, want, valid, params)
	}
	requireRefusals(t, table, []refusal{
		{"signmessagewithprivkey", `["invalid_key", "m"]`, rpc.InvalidAddressOrKey, "Invalid private key"},
		{"signmessagewithprivkey", `["KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn", "m"]`, rpc.InvalidAddressOrKey, "Invalid private key"},
		{"verifymessage", `["invalid_addr", "` + signature + `", "m"]`, rpc.InvalidAddressOrKey, "Invalid address"},
		{"verifymessage", `["2MwGk8mw1GBP6U9D5X8gTvgvXpuknmAK3fo", "` + signature + `", "m"]`, rpc.TypeError, "Address does not refer to key"},
		{"verifymessage", `["` + owner + `", "invalid_sig", "m"]`, rpc.TypeError, "Malformed base64 encoding"},
	})
}
