package coins

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

// The values are those of Bitcoin Core's unit tests.
func TestNumbers(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "00", 0x7f: "7f", 0x80: "8000", 0x1234: "a334", 0xffff: "82fe7f", 0x123456: "c7e756", 0x80123456: "86ffc7e756",
		0xffffffff: "8efefefe7f", 0xffffffffffffffff: "80fefefefefefefefe7f",
	} {
		raw := appendVarInt(nil, n)
		require.Equal(t, want, hex.EncodeToString(raw))
		got, rest, err := varInt(append(raw, 9))
		require.NoError(t, err)
		require.Equal(t, n, got)
		require.Equal(t, []byte{9}, rest)
	}
	for amount, want := range map[uint64]uint64{
		0: 0, 1: 1, 1_000_000: 7, 100_000_000: 9, 50 * 100_000_000: 0x32, 21_000_000 * 100_000_000: 0x1406f40,
	} {
		require.Equal(t, want, compressAmount(amount))
		got, err := decompressAmount(want)
		require.NoError(t, err)
		require.Equal(t, amount, got)
	}
	_, _, err := varInt([]byte{0xff, 0xff})
	require.ErrorIs(t, err, ErrCorrupt)
}

// genesisKey is a valid uncompressed public key.
const genesisKey = "04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5f"

func scripts(t testing.TB) [][]byte {
	var list [][]byte
	for _, text := range []string{
		"", "51", "6a0548656c6c6f", "41" + genesisKey + "ac", "21" + "02" + genesisKey[2:66] + "ac",
		"41" + "05" + genesisKey[2:] + "ac", // no key
		"76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac", "a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1887",
		"001462e907b15cbf27d5425399ebf6f0fb50ebb88f18",
	} {
		script, err := hex.DecodeString(text)
		require.NoError(t, err)
		list = append(list, script)
	}
	return list
}

func undoOf(t testing.TB) Undo {
	var first []Coin
	for i, script := range scripts(t) {
		first = append(first, Coin{Value: int64(i) * 12345, Script: script, Height: int32(i), Coinbase: i%2 == 0})
	}
	return Undo{first, {}, {{Value: 21_000_000 * 100_000_000, Script: []byte{1}, Height: 1<<31 - 1}}}
}

func TestUndoRoundTrip(t *testing.T) {
	undo := undoOf(t)
	raw := undo.Encode()
	got, err := DecodeUndo(raw)
	require.NoError(t, err)
	require.Equal(t, undo, got)
	for cut := range raw {
		_, err := DecodeUndo(raw[:cut])
		require.ErrorIs(t, err, ErrCorrupt)
	}
}

func TestStoredCoinRoundTrip(t *testing.T) {
	for _, script := range scripts(t) {
		c := Coin{Value: 5_000_000_000, Script: script, Height: 170, Coinbase: true}
		got, err := parseCoin(appendCoin(nil, &c))
		require.NoError(t, err)
		require.Equal(t, c, got)
	}
}

func FuzzDecodeUndo(f *testing.F) {
	f.Add(undoOf(f).Encode())
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, raw []byte) {
		undo, err := DecodeUndo(raw)
		if err != nil {
			require.ErrorIs(t, err, ErrCorrupt)
			return
		}
		again, err := DecodeUndo(undo.Encode())
		require.NoError(t, err)
		require.Equal(t, undo, again)
	})
}

func FuzzParseCoin(f *testing.F) {
	for _, script := range scripts(f) {
		f.Add(appendCoin(nil, &Coin{Value: 1, Script: script}))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := parseCoin(raw)
		if err != nil {
			require.ErrorIs(t, err, ErrCorrupt)
			return
		}
		again, err := parseCoin(appendCoin(nil, &c))
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}
