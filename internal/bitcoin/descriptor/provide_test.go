package descriptor

import (
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
)

const (
	providedWIF  = "cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87JcbXMTcA"
	providedLong = "91avARGdfge8E4tZfYLoxeJ5sGBdNJQH4kvjJoQFacbgx9rcrL7"
	providedTprv = "tprv8ZgxMBicQKsPd7Uf69XL1XwhmjHopUGep8GuEiJDZmbQz6o58LninorQAfcKZWARbtRtfnLcJ5MQ2AtHcQJCCRUcMRvmDUjyEmNUWwx8UbK"
)

// TestDescriptorsProvideWhatTheirScriptsAskFor: what one stands for can be spent with what
// it provides, and without secrets it is known what is missing.
func TestDescriptorsProvideWhatTheirScriptsAskFor(t *testing.T) {
	for _, text := range []string{
		"pk(" + providedWIF + ")", "pkh(" + providedWIF + ")", "pkh(" + providedLong + ")", "wpkh(" + providedTprv + "/1h/2/*)",
		"sh(wpkh(" + providedTprv + "/*h))", "combo(" + providedWIF + ")", "tr(" + providedTprv + "/3/*)", "rawtr(" + providedWIF + ")",
		"sh(multi(2," + providedWIF + "," + providedTprv + "/*))", "wsh(sortedmulti(2," + providedTprv + "/0/*," + providedTprv + "/1/*))",
		"sh(wsh(pkh([d34db33f/1/2h]" + providedWIF + ")))",
	} {
		const at = 7
		d, err := Parse(text, &chaincfg.RegressionNetParams)
		require.NoError(t, err, text)
		scripts, err := d.Expand(at)
		require.NoError(t, err)
		var known, public sign.Provider
		require.NoError(t, d.Provide(at, &known, true), text)
		require.NoError(t, d.Provide(at, &public, false), text)
		d.Zero()
		for _, script := range scripts {
			tx := &wire.MsgTx{TxIn: []*wire.TxIn{{}}, TxOut: []*wire.TxOut{{}}}
			creator := sign.NewSpending(tx, []*wire.TxOut{wire.NewTxOut(1, script.Script)}, nil).Input(0, txscript.SigHashDefault)
			var data, unsigned sign.Data
			require.True(t, sign.Produce(&known, creator, script.Script, &data), "%s: %s", text, script.Desc)
			require.False(t, sign.Produce(&public, creator, script.Script, &unsigned), text)
			require.Empty(t, unsigned.Missing.Keys, text)
			require.Nil(t, unsigned.Missing.RedeemScript, text)
			require.Nil(t, unsigned.Missing.WitnessScript, text)
			require.NotZero(t, len(unsigned.Origins)+len(unsigned.LeafOrigins), text)
		}
		known.Zero()
	}
}

func TestProvidedOrigins(t *testing.T) {
	d, err := Parse("wpkh([d34db33f/1/2h]"+providedTprv+"/3/*h)", &chaincfg.RegressionNetParams)
	require.NoError(t, err)
	var known sign.Provider
	require.NoError(t, d.Provide(4, &known, false))
	scripts, err := d.Expand(4)
	require.NoError(t, err)
	var data sign.Data
	creator := sign.NewSpending(&wire.MsgTx{TxIn: []*wire.TxIn{{}}}, []*wire.TxOut{wire.NewTxOut(1, scripts[0].Script)}, nil).Input(0, txscript.SigHashAll)
	sign.Produce(&known, creator, scripts[0].Script, &data)
	require.Len(t, data.Origins, 1)
	for _, o := range data.Origins {
		require.Equal(t, [4]byte{0xd3, 0x4d, 0xb3, 0x3f}, o.Fingerprint)
		require.Equal(t, []uint32{1, 1<<31 | 2, 3, 1<<31 | 4}, o.Path)
	}
	public, err := Parse(d.Public(), &chaincfg.RegressionNetParams)
	require.NoError(t, err)
	require.ErrorIs(t, public.Provide(4, &known, true), ErrPrivate)
}
