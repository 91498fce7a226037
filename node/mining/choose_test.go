package mining

import (
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

func candidate(fee int64, size int, parents ...int) Candidate {
	tx := &wire.MsgTx{TxOut: []*wire.TxOut{{PkScript: make([]byte, size)}}}
	return Candidate{Tx: consensus.NewTx(tx), Fee: fee, Real: fee, Parents: parents}
}

func TestChildPaysForParent(t *testing.T) {
	chosen, fees := Choose([]Candidate{
		candidate(100, 1000),
		candidate(5000, 100, 0), // takes its poor parent along
		candidate(2000, 1000),
		candidate(0, 100), // below the least rate
	}, DefaultLimits())
	require.Equal(t, []int{0, 1, 2}, chosen)
	require.Equal(t, int64(7100), fees)
}

func TestRateOfRestAfterParentIsChosen(t *testing.T) {
	// Once the rich first child has taken the parent, the second child counts
	// alone and beats the stranger.
	chosen, _ := Choose([]Candidate{
		candidate(0, 3000),
		candidate(90000, 100, 0),
		candidate(1000, 100, 0),
		candidate(500, 100),
	}, DefaultLimits())
	require.Equal(t, []int{0, 1, 2, 3}, chosen)
}

func TestWeightLimit(t *testing.T) {
	limits := DefaultLimits()
	limits.Weight = limits.Reserved + 5000
	chosen, _ := Choose([]Candidate{candidate(2000, 1200), candidate(900, 1000), candidate(10, 10)}, limits)
	require.Equal(t, []int{0}, chosen[:1])
	require.NotContains(t, chosen, 1)
}

func TestLockTime(t *testing.T) {
	c := candidate(1000, 100)
	tx := c.Tx.Copy()
	tx.LockTime = 100
	tx.TxIn = []*wire.TxIn{{Sequence: 0}}
	c.Tx = consensus.NewTx(tx)
	limits := DefaultLimits()
	limits.Height = 100
	chosen, _ := Choose([]Candidate{c}, limits)
	require.Empty(t, chosen)
	limits.Height = 101
	chosen, _ = Choose([]Candidate{c}, limits)
	require.Len(t, chosen, 1)
}
