package main

import (
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// tinyMix has blocks of some ten payments, and more of them than a to_local
// output has to wait for.
func tinyMix() mixShape {
	return mixShape{
		stages: stages{Seed: 1, Funding: 450, Fanout: 2, PerBlock: 300, Spending: 170, Burying: 1}, Weight: 12_000,
	}
}

func TestTheMixIsSpentAsPolicyAllowsAndInsideBlocksInChains(t *testing.T) {
	shape, spent := tinyMix(), map[*kind]bool{}
	payments, depth := map[chainhash.Hash]bool{}, map[chainhash.Hash]int{}
	deepest := 0
	readAgain(t, shape, func(tx *wire.MsgTx, i int, c placed, height int32) {
		if !shape.spending(height) {
			return
		}
		id := tx.TxHash()
		payments[id], spent[kindOf(tx.TxIn[i], c.out.PkScript)] = true, true
		if c.height == height {
			depth[id] = depth[tx.TxIn[i].PreviousOutPoint.Hash] + 1
			deepest = max(deepest, depth[id])
		}
	})
	require.Len(t, spent, len(kinds))
	require.InDelta(t, unconfirmedShare, float64(len(depth))/float64(len(payments)), 0.05)
	require.GreaterOrEqual(t, deepest, 3)
	require.LessOrEqual(t, deepest, longestChain+1)
}

// Signatures change no shares, so this mix goes without.
func TestTheMixHasItsShares(t *testing.T) {
	f := mixShapeOf(0.05).filler().(*mixFiller)
	f.coins = append(f.coins, manyCoins(f.wallet, 300)...)
	made, spent := map[*kind]int{}, map[*kind]int{}
	outputs, inputs := 0, 0
	for height := range int32(170) {
		f.ripen(height)
		for _, p := range f.payments(height) {
			for _, c := range p.made {
				made[c.kind]++
				outputs++
			}
			for _, c := range p.spent {
				spent[c.kind]++
				inputs++
			}
		}
		f.settle(height)
	}
	require.Greater(t, inputs, 25_000)
	sum := 0
	for _, m := range mix {
		sum += m.share
		tolerance := 1.5 + float64(m.share)/10
		require.InDelta(t, m.share, float64(made[m.kind])*mixOf/float64(outputs), tolerance, m.kind.name)
		if m.kind.delay == nil {
			require.InDelta(t, m.share, float64(spent[m.kind])*mixOf/float64(inputs), tolerance, m.kind.name)
		}
	}
	require.Equal(t, mixOf, sum)
	require.Len(t, mix, len(kinds))
}

func TestBlocksOfTheMixAreFull(t *testing.T) {
	f := tinyMix().filler().(*mixFiller)
	f.coins = append(f.coins, manyCoins(f.wallet, 5000)...)
	f.limit = 400_000
	for height := range int32(10) {
		weight := 0
		list := f.payments(1000 + height)
		for _, p := range list {
			weight += f.weight(p)
		}
		f.settle(1000 + height)
		require.LessOrEqual(t, weight, f.limit)
		require.Greater(t, weight, f.limit*8/10)
	}
}

func manyCoins(w *wallet, n int) (list []coin) {
	for i := range n {
		c := w.anyones(p2wpkh)
		c.value, c.at = 100_000_000, wire.OutPoint{Hash: chainhash.Hash{1}, Index: uint32(i)}
		list = append(list, c)
	}
	return list
}

func TestAMixWithoutCoinsMakesNoPayments(t *testing.T) {
	f := tinyMix().filler().(*mixFiller)
	f.coins = append(f.coins, manyCoins(f.wallet, 1)...)
	f.coins[0].value = 10
	require.Empty(t, f.payments(1000))
	require.Len(t, f.coins, 1)
}
