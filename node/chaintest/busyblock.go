package chaintest

import (
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"io"
	"os"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// BusyHeight is the height of the block of mainnet that, with the coins it
// spends, is part of btcd's module.
const BusyHeight = 277647

// BusyBlock returns that block.
func BusyBlock(t testing.TB) *consensus.Block {
	t.Helper()
	const framing = 8 // magic and size
	raw := unpack(t, "277647.dat.bz2")
	require.Greater(t, len(raw), framing)
	require.EqualValues(t, len(raw)-framing, binary.LittleEndian.Uint32(raw[4:]))
	block, err := consensus.ParseBlock(raw[framing:])
	require.NoError(t, err)
	return block
}

// BusyCoins returns the coins that it spends, among others. An entry of the
// file is txid, output and size, little-endian, and the coin.
func BusyCoins(t testing.TB) map[wire.OutPoint]coins.Coin {
	t.Helper()
	const head = chainhash.HashSize + 4 + 4
	found := map[wire.OutPoint]coins.Coin{}
	for raw := unpack(t, "277647.utxostore.bz2"); len(raw) > 0; {
		require.Greater(t, len(raw), head)
		op := wire.OutPoint{Hash: chainhash.Hash(raw[:32]), Index: binary.LittleEndian.Uint32(raw[32:])}
		end := head + int(binary.LittleEndian.Uint32(raw[36:]))
		require.GreaterOrEqual(t, len(raw), end)
		if coin := decodeCoin(t, raw[head:end]); coin.Height < BusyHeight {
			found[op] = coin // the others are outputs of the block itself
		}
		raw = raw[end:]
	}
	return found
}

// decodeCoin reads btcd's form of a coin: that of undo data but for the zero
// byte after its first number.
func decodeCoin(t testing.TB, raw []byte) coins.Coin {
	t.Helper()
	number := 1
	for raw[number-1]&0x80 != 0 {
		number++
	}
	one := []byte{1, 1} // a transaction with an input
	undo, err := coins.DecodeUndo(bytes.Join([][]byte{one, raw[:number], {0}, raw[number:]}, nil))
	require.NoError(t, err)
	return undo[0][0]
}

func unpack(t testing.TB, name string) []byte {
	t.Helper()
	file, err := os.Open(testdata(t, name))
	require.NoError(t, err)
	defer file.Close()
	raw, err := io.ReadAll(bzip2.NewReader(file))
	require.NoError(t, err)
	return raw
}
