package descriptor

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"
)

func expand(t *testing.T, text string, net *chaincfg.Params, position uint32) []string {
	t.Helper()
	d, err := Parse(text, net)
	require.NoError(t, err, text)
	list, err := d.Expand(position)
	require.NoError(t, err)
	var scripts []string
	for _, e := range list {
		scripts = append(scripts, hex.EncodeToString(e.Script))
		again, err := Parse(e.Desc, net)
		require.NoError(t, err, e.Desc)
		repeated, err := again.Expand(0)
		require.NoError(t, err)
		require.Equal(t, e.Script, repeated[0].Script)
	}
	return scripts
}

// Test vectors of BIP381 to BIP386.
func TestVectors(t *testing.T) {
	main := &chaincfg.MainNetParams
	const wif = "L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY1"
	const public = "03a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd"
	for text, want := range map[string][]string{
		"pk(" + public + ")":    {"2103a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bdac"},
		"pkh(" + wif + ")":      {"76a9149a1c78a507689f6f54b847ad1cef1e614ee23f1e88ac"},
		"wpkh(" + public + ")":  {"00149a1c78a507689f6f54b847ad1cef1e614ee23f1e"},
		"sh(wpkh(" + wif + "))": {"a91484ab21b1b2fd065d4504ff693d832434b6108d7b87"},
		"combo(" + public + ")": {
			"2103a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bdac",
			"76a9149a1c78a507689f6f54b847ad1cef1e614ee23f1e88ac",
			"00149a1c78a507689f6f54b847ad1cef1e614ee23f1e",
			"a91484ab21b1b2fd065d4504ff693d832434b6108d7b87",
		},
		"tr(a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd)":    {"512077aab6e066f8a7419c5ab714c12c67d25007ed55a43cadcacb4d7a970a093f11"},
		"rawtr(a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd)": {"5120a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd"},
	} {
		require.Equal(t, want, expand(t, text, main, 0), text)
	}
}

// The last scripts of Bitcoin Core's test of scantxoutset.
func TestDerivation(t *testing.T) {
	net := &chaincfg.RegressionNetParams
	d, err := Parse("combo(tprv8ZgxMBicQKsPd7Uf69XL1XwhmjHopUGep8GuEiJDZmbQz6o58LninorQAfcKZWARbtRtfnLcJ5MQ2AtHcQJCCRUcMRvmDUjyEmNUWwx8UbK/0h/0h/*)", net)
	require.NoError(t, err)
	require.True(t, d.IsRange())
	for position, want := range []string{
		"pkh([0c5f9a1e/0h/0h/0]026dbd8b2315f296d36e6b6920b1579ca75569464875c7ebe869b536a7d9503c8c)#rthll0rg",
		"pkh([0c5f9a1e/0h/0h/1]033e6f25d76c00bedb3a8993c7d5739ee806397f0529b1b31dda31ef890f19a60c)#mcjajulr",
	} {
		list, err := d.Expand(uint32(position))
		require.NoError(t, err)
		require.Equal(t, want, list[1].Desc)
	}
}

func TestFaults(t *testing.T) {
	net := &chaincfg.RegressionNetParams
	for text, reason := range map[string]string{
		"raw(51)#00000000":   "does not match computed checksum",
		"raw(51)#1":          "Expected 8 character checksum, not 1 characters",
		"raw()":              "Raw script is not hex",
		"pkh([abcdef88/]02)": "Key path value '' is not valid",
		"raw(5)":             "Raw script is not hex",
		"moon(51)":           "'moon(51)' is not a valid descriptor function",
		"pkh()":              "pkh(): No key provided",
		"pkh(02)":            "pkh(): Pubkey '02' is invalid",
		"pkh(0679be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8)": "pkh(): Hybrid public keys are not allowed",
		"sh(sh(pk(02)))": "invalid",
		"wsh(addr(x))":   "Address is not valid",
	} {
		_, err := Parse(text, net)
		require.ErrorContains(t, err, reason, text)
	}
	d, err := Parse("pkh(tpubD6NzVbkrYhZ4XgiXtGrdW5XDAPFCL9h7we1vwNCpn8tGbBcgfVYjXyhWo4E1xkh56hjod1RhGjxbaTLV3X4FyWuejifB9jusQ46QzG87VKp/0'/0)", net)
	require.NoError(t, err)
	require.False(t, d.IsRange())
	_, err = d.Expand(0)
	require.ErrorIs(t, err, ErrPrivate)
	d, err = Parse("pkh(tpubD6NzVbkrYhZ4XgiXtGrdW5XDAPFCL9h7we1vwNCpn8tGbBcgfVYjXyhWo4E1xkh56hjod1RhGjxbaTLV3X4FyWuejifB9jusQ46QzG87VKp/0/*)", net)
	require.NoError(t, err)
	require.True(t, d.IsRange())
}

// Hostile text fails or parses; it does not crash.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"raw(51)", "sh(wsh(multi(1,02,03)))", "combo([abcdef88/1/2'/3/4h]tpubD6NzVbkrYhZ4WaWSyoBvQwbpLkojyoTZPRsgXELWz3Popb3qkjcJyJUGLnL4qHHoQvao8ESaAstxYSnhyswJ76uZPStJRJCTKvosUCJZL5B/1/1/*)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseAll(text, &chaincfg.RegressionNetParams)
		if err != nil {
			return
		}
		list, err := d[len(d)-1].Expand(0)
		require.True(t, err != nil || len(list) > 0)
	})
}

func TestMultipath(t *testing.T) {
	net := &chaincfg.RegressionNetParams
	const a = "tpubD6NzVbkrYhZ4WaWSyoBvQwbpLkojyoTZPRsgXELWz3Popb3qkjcJyJUGLnL4qHHoQvao8ESaAstxYSnhyswJ76uZPStJRJCTKvosUCJZL5B"
	const b = "tpubD6NzVbkrYhZ4XgiXtGrdW5XDAPFCL9h7we1vwNCpn8tGbBcgfVYjXyhWo4E1xkh56hjod1RhGjxbaTLV3X4FyWuejifB9jusQ46QzG87VKp"
	for text, want := range map[string][]string{
		"pkh(" + a + "/1/<0;7;2>/*)": {"pkh(" + a + "/1/0/*)", "pkh(" + a + "/1/7/*)", "pkh(" + a + "/1/2/*)"},
		"wsh(multi(1," + a + "/<0;1>/3,[abcdef88/1]" + b + "/5," + b + "/<8;9>))": {
			"wsh(multi(1," + a + "/0/3,[abcdef88/1]" + b + "/5," + b + "/8))",
			"wsh(multi(1," + a + "/1/3,[abcdef88/1]" + b + "/5," + b + "/9))",
		},
		"combo(" + a + "/4)": {"combo(" + a + "/4)"},
	} {
		list, err := ParseAll(text, net)
		require.NoError(t, err, text)
		for i, d := range list {
			require.Equal(t, want[i], d.Public())
			alone, err := Parse(want[i], net)
			require.NoError(t, err)
			scripts, err := d.Expand(3)
			require.NoError(t, err)
			theirs, err := alone.Expand(3)
			require.NoError(t, err)
			require.Equal(t, theirs, scripts)
		}
		require.Len(t, list, len(want))
	}
	for text, reason := range map[string]string{
		"pkh(" + a + "/<0;1>/<2;3>)":                          "Multiple multipath key path specifiers found",
		"pkh(" + a + "/<0>)":                                  "Multipath key path specifiers must have at least two items",
		"pkh(" + a + "/<>)":                                   "Multipath key path specifiers must have at least two items",
		"pkh(" + a + "/<0;1;0>)":                              "Duplicated key path value 0 in multipath specifier",
		"pkh(" + a + "/<0h;0'>)":                              "Duplicated key path value 0' in multipath specifier",
		"pkh(" + a + "/<0;x>)":                                "Key path value 'x' is not a valid uint32",
		"pkh(" + a + "/<0;>)":                                 "Key path value '' is not valid",
		"pkh(" + a + "/<0;2147483648>)":                       "Key path value 2147483648 is out of range",
		"pkh(" + a + "/<0;1)":                                 "not a valid multipath specifier",
		"pkh(" + a + "/1<0;1>)":                               "not a valid multipath specifier",
		"pkh(" + a + "/<0;1>2)":                               "not a valid multipath specifier",
		"<0;1>":                                               "not a valid multipath specifier",
		"pkh([abcdef88/<0;1>]" + a + ")":                      "Key path value '<0;1>' specifies multipath in a section where multipath is not allowed",
		"multi(1," + a + "/<0;1>," + b + "/<0;1;2>)":          "have 2 and 3 items",
		"pkh(" + a + "/<" + strings.Repeat("0;", 256) + "1>)": "at most 256 items",
		"pkh(" + a + "/<0;1>)#00000000":                       "does not match computed checksum",
	} {
		_, err := ParseAll(text, net)
		require.ErrorContains(t, err, reason, text)
	}
	_, err := Parse("pkh("+a+"/<0;1>)", net)
	require.EqualError(t, err, "Multipath descriptor not accepted")
}

func TestPublicTextHasNoSecrets(t *testing.T) {
	net := &chaincfg.RegressionNetParams
	const private = "tprv8ZgxMBicQKsPd7Uf69XL1XwhmjHopUGep8GuEiJDZmbQz6o58LninorQAfcKZWARbtRtfnLcJ5MQ2AtHcQJCCRUcMRvmDUjyEmNUWwx8UbK"
	const public = "tpubD6NzVbkrYhZ4WaWSyoBvQwbpLkojyoTZPRsgXELWz3Popb3qkjcJyJUGLnL4qHHoQvao8ESaAstxYSnhyswJ76uZPStJRJCTKvosUCJZL5B"
	const wif = "cTe1f5rdT8A8DFgVWTjyPwACsDPJM9ff4QngFxUixCSvvbg1x6sh"
	single, err := Parse("pk("+wif+")", net)
	require.NoError(t, err)
	scripts, err := single.Expand(0)
	require.NoError(t, err)
	hexKey := hex.EncodeToString(scripts[0].Script[1:34])
	for text, want := range map[string]string{
		"wpkh([abcdef88/1'/2h]" + private + "/0h/1'/*h)":                 "wpkh([abcdef88/1'/2']" + public + "/0'/1'/*')",
		"pk([ABCDEF88/01'/2]" + public + "/003/1h)":                      "pk([abcdef88/1h/2]" + public + "/3/1h)",
		"rawtr([ABCDEF88]" + private + "/5/*')":                          "rawtr([abcdef88]" + public + "/5/*')",
		"tr(" + wif + ")":                                                "tr(" + hexKey[2:] + ")",
		"pkh(" + strings.ToUpper(hexKey) + ")":                           "pkh(" + hexKey + ")",
		"raw(AB)":                                                        "raw(ab)",
		"addr(BCRT1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KYGT080)":             "addr(bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080)",
		"sh(wsh(multi(2," + private + "/3," + hexKey + "," + wif + ")))": "sh(wsh(multi(2," + public + "/3," + hexKey + "," + hexKey + ")))",
		"raw(51)": "raw(51)",
		"addr(mtfUoUax9L4tzXARpw1oTGxWyoogp52KhJ)": "addr(mtfUoUax9L4tzXARpw1oTGxWyoogp52KhJ)",
	} {
		d, err := Parse(text, net)
		require.NoError(t, err, text)
		require.Equal(t, want, d.Public())
		require.Equal(t, strings.Contains(text, private) || strings.Contains(text, wif), d.HasPrivate(), text)
	}
	// What stands where the origin is told is shown as it is.
	for _, text := range []string{"pk([abcdef88/" + wif + "]" + wif + ")", "wpkh([abcdef88/0/" + private + "]" + private + "/1/*)", "pkh([abcdef88/8x]" + wif + ")"} {
		_, err := Parse(text, net)
		require.ErrorContains(t, err, "is not a valid uint32", text)
	}
}
