package index

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins/muhash"
)

// The first of two equal coinbases from before BIP30 counts for nothing.
func TestOverwrittenCoinbase(t *testing.T) {
	p := chaintest.Regtest(t)
	hash, err := chainhash.NewHashFromStr("00000000000271a2dc26e7667f8419f2e15416dc6955e5a6c6cdf3f2574dd08e")
	require.NoError(t, err)
	block := chaintest.Genesis(t, p).Extend(1, 0).Block
	const subsidy = 50_0000_0000
	for height, lost := range map[int32]int64{91722: subsidy, 91723: 0} {
		tally := tally{Stats: &Stats{}, set: muhash.New()}
		tally.block(&connected{Block: block, node: &chain.BlockNode{Hash: *hash, Height: height}}, subsidy)
		require.Equal(t, lost, tally.Block.BIP30)
		require.Equal(t, lost, tally.Unspendable)
		require.Equal(t, subsidy-lost, tally.Amount)
		require.Equal(t, lost != 0, tally.set.Sum() == muhash.New().Sum())
	}
}

func FuzzDecodeSetState(f *testing.F) {
	state := setState{set: *muhash.New().Value(), figures: Stats{Outputs: 1, Amount: -2, Block: BlockAmounts{Unclaimed: 3}}}
	f.Add(state.encode())
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, b []byte) {
		state, err := decodeSetState(b)
		if err != nil {
			require.ErrorIs(t, err, ErrCorrupt)
			return
		}
		require.True(t, bytes.Equal(b, state.encode()))
	})
}
