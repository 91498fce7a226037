package keys_test

import (
	"encoding/hex"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/wallet/keys"
)

// The seed of the mnemonic "abandon ... about", and the addresses that BIP84
// ("Test vectors") gives for it.
const bip84Seed = "5eb00bbddcf069084889a8ab9155568165f5c453ccb85e70811aaed6f6da5fc19a5ac40b389cd370d086206dec8aa6c43daea6690f20ad3d8d48b2d2ce9e38e4"

func TestBIP84Vectors(t *testing.T) {
	seed, err := hex.DecodeString(bip84Seed)
	require.NoError(t, err)
	account, err := keys.NewAccount(seed, &chaincfg.MainNetParams)
	require.NoError(t, err)
	for path, want := range map[keys.Path]string{
		{Branch: keys.External, Index: 0}: "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu",
		{Branch: keys.External, Index: 1}: "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g",
		{Branch: keys.Change, Index: 0}:   "bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el",
	} {
		got, err := account.Address(path)
		require.NoError(t, err)
		require.Equal(t, want, got.EncodeAddress())
	}
	require.Equal(t, "m/84h/0h/0h/1/7", account.PathText(keys.Path{Branch: keys.Change, Index: 7}))
	require.Equal(t, "73c5da0a", account.Fingerprint())
	_, err = account.Address(keys.Path{Branch: 2})
	require.Error(t, err)
}

func TestZeroWipesWhatSigns(t *testing.T) {
	account, err := keys.NewAccount(make([]byte, keys.SeedBytes), &chaincfg.RegressionNetParams)
	require.NoError(t, err)
	key, err := account.PrivateKey(keys.Path{})
	require.NoError(t, err)
	pub, err := account.PublicKey(keys.Path{})
	require.NoError(t, err)
	require.Equal(t, pub, key.PubKey().SerializeCompressed())
	account.Zero()
	_, err = account.PrivateKey(keys.Path{})
	require.Error(t, err)
}
