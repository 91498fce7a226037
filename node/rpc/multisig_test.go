package rpc_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// Multiples of the generator of secp256k1.
const (
	key1     = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
	key2     = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5"
	key3     = "02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9"
	longKey1 = "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"
)

// TestMultisigAddresses: the answers are Bitcoin Core's.
func TestMultisigAddresses(t *testing.T) {
	table := pureTable(t)
	const redeem, keys = "5221" + key1 + "21" + key2 + "21" + key3 + "53ae", key1 + "," + key2 + "," + key3
	for kind, want := range map[string]string{
		`"legacy"`:      `{"address":"2MuFU6ZyBLtDNadMA6RnwJdXGWUSUaoKLeS","redeemScript":"` + redeem + `","descriptor":"sh(multi(2,` + keys + `))#07tnuwj6"}`,
		`null`:          `{"address":"2MuFU6ZyBLtDNadMA6RnwJdXGWUSUaoKLeS","redeemScript":"` + redeem + `","descriptor":"sh(multi(2,` + keys + `))#07tnuwj6"}`,
		`"p2sh-segwit"`: `{"address":"2NBbyaKyqn2AhMzSnQZrVPAW46KW1it9v7r","redeemScript":"` + redeem + `","descriptor":"sh(wsh(multi(2,` + keys + `)))#rj4mdzs8"}`,
		`"bech32"`:      `{"address":"bcrt1qztp0l0rwc8846ardl02fkyrrx43p96j47scz8l7qz3vnfteqc4eq3cu8hw","redeemScript":"` + redeem + `","descriptor":"wsh(multi(2,` + keys + `))#vjvectlq"}`,
	} {
		got, err := answerOf(t, table, "createmultisig", `[2, ["`+key1+`","`+key2+`","`+key3+`"], `+kind+`]`)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	got, err := answerOf(t, table, "createmultisig", `{"nrequired": 1, "address_type": "bech32", "keys": ["`+longKey1+`"]}`)
	require.NoError(t, err)
	require.Equal(t, `{"address":"2MtywQNkBXLR8BpovWhhFo6u2WuwtgzbHxo","redeemScript":"5141`+longKey1+`51ae","descriptor":"sh(multi(1,`+longKey1+`))#jg08dry6",`+
		`"warnings":["Unable to make chosen address type, please ensure no uncompressed public keys are present."]}`, got)
}

func TestMultisigThatCannotBe(t *testing.T) {
	many := func(n int) string { return `["` + strings.Repeat(key1+`","`, n-1) + key1 + `"]` }
	requireRefusals(t, pureTable(t), []refusal{
		{"createmultisig", `[0, ` + many(1) + `]`, rpc.InvalidParameter, "a multisignature address must require at least one key to redeem"},
		{"createmultisig", `[2, ` + many(1) + `]`, rpc.InvalidParameter, "not enough keys supplied (got 1 keys, but need at least 2 to redeem)"},
		{"createmultisig", `[1, ` + many(21) + `, "bech32"]`, rpc.InvalidParameter, "Number of keys involved in the multisignature address creation > 20\nReduce the number"},
		{"createmultisig", `[1, ` + many(16) + `]`, rpc.InvalidParameter, "redeemScript exceeds size limit: 547 > 520"},
		{"createmultisig", `[1, ["zz"]]`, rpc.InvalidAddressOrKey, `Pubkey "zz" must be a hex string`},
		{"createmultisig", `[1, ["02"]]`, rpc.InvalidAddressOrKey, `Pubkey "02" must have a length of either 33 or 65 bytes`},
		{"createmultisig", `[1, ["` + "02" + strings.Repeat("ff", 32) + `"]]`, rpc.InvalidAddressOrKey, `Pubkey "` + "02" + strings.Repeat("ff", 32) + `" must be cryptographically valid.`},
		{"createmultisig", `[1, [5]]`, rpc.TypeError, "JSON value of type number is not of expected type string"},
		{"createmultisig", `[1, ` + many(1) + `, "bech32m"]`, rpc.InvalidAddressOrKey, "createmultisig cannot create bech32m multisig addresses"},
		{"createmultisig", `[1, ` + many(1) + `, "other"]`, rpc.InvalidAddressOrKey, "Unknown address type 'other'"},
		{"createmultisig", `[1.5, ` + many(1) + `]`, rpc.MiscError, "JSON integer out of range"},
	})
}
