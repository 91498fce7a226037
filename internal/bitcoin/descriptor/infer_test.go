package descriptor

import (
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
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
