package blockstats_test

import (
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/blockstats"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// tx makes a transaction with as many inputs, and outputs of the values; zero
// makes an output that nobody can spend.
func tx(inputs int, values ...int64) *consensus.Tx {
	msg := wire.NewMsgTx(2)
	for i := range inputs {
		msg.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: uint32(i)}, SignatureScript: make([]byte, 10)})
	}
	for _, value := range values {
		script := []byte{txscript.OP_TRUE}
		if value == 0 {
			script = []byte{txscript.OP_RETURN}
		}
		msg.AddTxOut(&wire.TxOut{Value: value, PkScript: script})
	}
	return consensus.NewTx(msg)
}

func spent(values ...int64) (list []coins.Coin) {
	for _, value := range values {
		list = append(list, coins.Coin{Value: value, Script: []byte{txscript.OP_TRUE}})
	}
	return list
}

func TestFiguresOfABlock(t *testing.T) {
	txs := []*consensus.Tx{tx(1, 50, 0), tx(1, 900), tx(2, 100, 100, 0), tx(1, 10)}
	b := consensus.NewBlock(wire.BlockHeader{}, txs)
	s := blockstats.Of(b, coins.Undo{spent(1000), spent(300, 300), spent(5010)}, true)
	size := func(i int) int64 { return int64(txs[i].Size) }
	rate := func(fee int64, i int) int64 { return fee / size(i) }
	require.EqualValues(t, 4, s.Txs)
	require.EqualValues(t, 4, s.Inputs)
	require.EqualValues(t, 7, s.Outputs)
	require.EqualValues(t, 1110, s.TotalOut)
	require.EqualValues(t, 100+400+5000, s.TotalFee)
	require.Equal(t, [3]int64{100, 400, 5000}, [3]int64{s.MinFee, s.MedianFee, s.MaxFee})
	require.EqualValues(t, 5500/3, s.AvgFee)
	require.Equal(t, size(1)+size(2)+size(3), s.TotalSize)
	require.Equal(t, 4*s.TotalSize, s.TotalWeight)
	require.Equal(t, [2]int64{rate(100, 1), rate(5000, 3)}, [2]int64{s.MinFeeRate, s.MaxFeeRate})
	require.Equal(t, [5]int64{rate(100, 1), rate(100, 1), rate(400, 2), rate(400, 2), rate(5000, 3)}, s.Percentiles)
	require.EqualValues(t, 7-4, s.CoinsAdded)
	require.EqualValues(t, 5-4, s.RealCoinsAdded)
	require.EqualValues(t, 3*(8+1+1+40), s.BytesAdded)
	require.EqualValues(t, 1*(8+1+1+40), s.RealBytesAdded)
	require.Zero(t, s.SegwitTxs)
}

func TestABlockWithoutPaymentsHasNoFees(t *testing.T) {
	b := consensus.NewBlock(wire.BlockHeader{}, []*consensus.Tx{tx(1, 50)})
	require.Equal(t, blockstats.Stats{Txs: 1, Outputs: 1, CoinsAdded: 1, BytesAdded: 50, RealCoinsAdded: 1, RealBytesAdded: 50}, blockstats.Of(b, nil, true))
	require.Equal(t, blockstats.Stats{Txs: 1, Outputs: 1, CoinsAdded: 1, BytesAdded: 50}, blockstats.Of(b, nil, false))
}
