package descriptor

import (
	"encoding/hex"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
)

// From BIP380.
func TestChecksum(t *testing.T) {
	require.Equal(t, "89f8spxm", Checksum("raw(deadbeef)"))
}

func TestInferredDescriptors(t *testing.T) {
	net := &chaincfg.RegressionNetParams
	require.Equal(t, "raw(51)#8lvh9jxk", Infer([]byte{0x51}, net))
	script, err := address.Script("mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", net)
	require.NoError(t, err)
	require.Equal(t, "addr(mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn)", Infer(script, net)[:len("addr(mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn)")])
}

// TestWrappedScripts: the answers are Bitcoin Core's.
func TestWrappedScripts(t *testing.T) {
	net := &chaincfg.RegressionNetParams
	one, err := hex.DecodeString("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
	require.NoError(t, err)
	key := append([]byte{2}, one...)
	multi := output.MakeMultisig(1, [][]byte{key})
	witness := output.PayToWitnessScriptHash(multi)
	nested := output.PayToScriptHash(witness)
	text := "multi(1," + hex.EncodeToString(key) + ")"
	for _, c := range []struct {
		want   string
		script []byte
		known  [][]byte
	}{
		{"wsh(" + text + ")#ukecy0kt", witness, [][]byte{multi}},
		{"addr(", witness, [][]byte{witness}},
		{"sh(wsh(" + text + "))#", nested, [][]byte{multi, witness}},
		{"addr(", nested, [][]byte{multi}},
		{"addr(", nested, [][]byte{witness}},
		{"sh(" + text + ")#", output.PayToScriptHash(multi), [][]byte{multi}},
		{"addr(", output.PayToWitnessScriptHash(witness), [][]byte{multi, witness}},
	} {
		require.Contains(t, Infer(c.script, net, c.known...), c.want)
	}
	long := append(append([]byte{4}, one...), one...)
	require.Contains(t, Infer(output.PayToKey(long), net), "pk(04", "it need not be on the curve")
	require.Contains(t, Infer(output.PayToWitnessScriptHash(output.PayToKey(long)), net, output.PayToKey(long)), "addr(")
	long[0] = 6
	require.Contains(t, Infer(output.PayToKey(long), net), "raw(", "hybrid")
}
