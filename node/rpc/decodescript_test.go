package rpc_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// TestScriptsAreDecoded: the answers are Bitcoin Core's.
func TestScriptsAreDecoded(t *testing.T) {
	table := pureTable(t)
	for script, want := range map[string]string{
		"":                     `{"asm":"","desc":"raw()#58lrscpx","type":"nonstandard","p2sh":"2N9hLwkSqr1cPQAPxbrGVUjxyjD11G2e1he","segwit":{"asm":"0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","desc":"addr(bcrt1quwcvgs5clswpfxhm7nyfjmaeysn6us0yvjdexn9yjkv3k7zjhp2snwgpgy)#ctv6wqhy","hex":"0020e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","address":"bcrt1quwcvgs5clswpfxhm7nyfjmaeysn6us0yvjdexn9yjkv3k7zjhp2snwgpgy","type":"witness_v0_scripthash","p2sh-segwit":"2N2CmnxjBbPTHrawgG2FkTuBLcJtEzA86sF"}}`,
		"21" + key1 + "ac":     `{"asm":"` + key1 + ` OP_CHECKSIG","desc":"pk(` + key1 + `)#gn28ywm7","type":"pubkey","p2sh":"2MvVwHhgE2JyjkjQk72CghrhrJsanKfHfqe","segwit":{"asm":"0 751e76e8199196d454941c45d1b3a323f1433bd6","desc":"addr(bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080)#8pk5s7ya","hex":"0014751e76e8199196d454941c45d1b3a323f1433bd6","address":"bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080","type":"witness_v0_keyhash","p2sh-segwit":"2NAUYAHhujozruyzpsFRP63mbrdaU5wnEpN"}}`,
		"41" + longKey1 + "ac": `{"asm":"` + longKey1 + ` OP_CHECKSIG","desc":"pk(` + longKey1 + `)#fsjyjr2x","type":"pubkey","p2sh":"2MwoDvT2TAY67j8QJLMq2hATi92ND3d9o3G"}`,
		"5121" + key1 + "51ae": `{"asm":"1 ` + key1 + ` 1 OP_CHECKMULTISIG","desc":"multi(1,` + key1 + `)#gs8559k9","type":"multisig","p2sh":"2N5GpVq89v2GRMDWQMfTwifUZCtqaczC6Y7","segwit":{"asm":"0 28205333db922f66e8a941b4a32d66de5cea03d9cda46e3e6658935272b9b24f","desc":"wsh(multi(1,` + key1 + `))#ukecy0kt","hex":"002028205333db922f66e8a941b4a32d66de5cea03d9cda46e3e6658935272b9b24f","address":"bcrt1q9qs9xv7mjghkd69fgx62xttxmeww5q7eekjxu0nxtzf4yu4ekf8s0sr689","type":"witness_v0_scripthash","p2sh-segwit":"2MuckXYMSkbjmGz4LpEhd9QTRztpMceVskG"}}`,
		"00141111111111111111111111111111111111111111":                         `{"asm":"0 1111111111111111111111111111111111111111","desc":"addr(bcrt1qzyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3lgth6c)#r4xeeasu","address":"bcrt1qzyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3lgth6c","type":"witness_v0_keyhash","p2sh":"2MvtPqotHoPSsHL25H43sxt2dHNxJUxjJzj"}`,
		"51200101010101010101010101010101010101010101010101010101010101010101": `{"asm":"1 0101010101010101010101010101010101010101010101010101010101010101","desc":"rawtr(0101010101010101010101010101010101010101010101010101010101010101)#hmlllzsm","address":"bcrt1pqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs7r922v","type":"witness_v1_taproot"}`,
		"6a": `{"asm":"OP_RETURN","desc":"raw(6a)#4mhr9ur5","type":"nulldata"}`,
		"ba": `{"asm":"OP_CHECKSIGADD","desc":"raw(ba)#yy0eg44l","type":"nonstandard"}`,
		"ff": `{"asm":"OP_INVALIDOPCODE","desc":"raw(ff)#wuxj4tep","type":"nonstandard"}`,
		"76a914222222222222222222222222222222222222222288ac": `{"asm":"OP_DUP OP_HASH160 2222222222222222222222222222222222222222 OP_EQUALVERIFY OP_CHECKSIG","desc":"addr(midSACfDe3qAxJZZXA9gkwBZgPqJJUpy1w)#pvlcwfl4","address":"midSACfDe3qAxJZZXA9gkwBZgPqJJUpy1w","type":"pubkeyhash","p2sh":"2N3dRerELSHWYXWkXp9nq3LFb3vH9aj5frn","segwit":{"asm":"0 2222222222222222222222222222222222222222","desc":"addr(bcrt1qyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zs4w3j0)#lsyker9c","hex":"00142222222222222222222222222222222222222222","address":"bcrt1qyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zs4w3j0","type":"witness_v0_keyhash","p2sh-segwit":"2NAWTmuj7avfGVZ7yU2pJDbEEssDTU7vXKm"}}`,
		"a914222222222222222222222222222222222222222287":     `{"asm":"OP_HASH160 2222222222222222222222222222222222222222 OP_EQUAL","desc":"addr(2MvMhrRzhzPDeU9QvbpTmybKSBGjUmC6TTu)#fjhaxe8g","address":"2MvMhrRzhzPDeU9QvbpTmybKSBGjUmC6TTu","type":"scripthash"}`,
	} {
		got, err := answerOf(t, table, "decodescript", `["`+script+`"]`)
		require.NoError(t, err, script)
		require.Equal(t, want, got, script)
	}
	got, err := answerOf(t, table, "decodescript", `["82012088a914ffffffffffffffffffffffffffffffffffffffff88210250929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0ad51b2"]`)
	require.NoError(t, err)
	require.Contains(t, got, `"desc":"wsh(and_v(and_v(v:hash160(ffffffffffffffffffffffffffffffffffffffff),v:pk(0250929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0)),older(1)))#gm8xz4fl"`)
	requireRefusals(t, table, []refusal{
		{"decodescript", `["zz"]`, rpc.InvalidParameter, "argument must be hexadecimal string (not 'zz')"},
		{"decodescript", `[null]`, rpc.TypeError, "Wrong type passed:\n{\n    \"Position 1 (hexstring)\": \"JSON value of type null is not of expected type string\"\n}"},
	})
}
