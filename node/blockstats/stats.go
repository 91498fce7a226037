package blockstats

import (
	"cmp"
	"slices"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// perCoin is what an entry of the UTXO set takes besides its output: outpoint,
// and height with the coinbase flag, in bytes.
const perCoin = 36 + 4

// Stats are the figures of one block. Amounts are in satoshi, fee rates in
// satoshi per virtual byte (BIP141), sizes in bytes with witness data. Those of
// transactions leave the coinbase out.
type Stats struct {
	AvgFee         int64    `json:"avgfee"`
	AvgFeeRate     int64    `json:"avgfeerate"`
	AvgTxSize      int64    `json:"avgtxsize"`
	Percentiles    [5]int64 `json:"feerate_percentiles"` // 10, 25, 50, 75 and 90 % of the weight
	Inputs         int64    `json:"ins"`
	MaxFee         int64    `json:"maxfee"`
	MaxFeeRate     int64    `json:"maxfeerate"`
	MaxTxSize      int64    `json:"maxtxsize"`
	MedianFee      int64    `json:"medianfee"`
	MedianTxSize   int64    `json:"mediantxsize"`
	MinFee         int64    `json:"minfee"`
	MinFeeRate     int64    `json:"minfeerate"`
	MinTxSize      int64    `json:"mintxsize"`
	Outputs        int64    `json:"outs"`
	SegwitSize     int64    `json:"swtotal_size"`
	SegwitWeight   int64    `json:"swtotal_weight"`
	SegwitTxs      int64    `json:"swtxs"`
	TotalOut       int64    `json:"total_out"`
	TotalSize      int64    `json:"total_size"`
	TotalWeight    int64    `json:"total_weight"`
	TotalFee       int64    `json:"totalfee"`
	Txs            int64    `json:"txs"` // with the coinbase
	CoinsAdded     int64    `json:"utxo_increase"`
	BytesAdded     int64    `json:"utxo_size_inc"`
	RealCoinsAdded int64    `json:"utxo_increase_actual"` // without what cannot be spent
	RealBytesAdded int64    `json:"utxo_size_inc_actual"`
}

// rated is a fee rate with the weight that pays it.
type rated struct{ rate, weight int64 }

// collector gathers what needs sorting.
type collector struct {
	Stats
	fees, sizes, rates []int64
	rated              []rated
	spendable          int64 // outputs
}

// Of computes the figures of a block. undo is what it spent, by transaction
// but the coinbase; kept tells whether its outputs entered the UTXO set, which
// those of genesis and of the two blocks before BIP30 that were repeated did
// not.
func Of(b *consensus.Block, undo coins.Undo, kept bool) Stats {
	c := collector{Stats: Stats{Txs: int64(len(b.Txs))}}
	for i, tx := range b.Txs {
		out := c.outputs(tx, kept)
		if i > 0 && i <= len(undo) {
			c.payment(tx, undo[i-1], out)
		}
	}
	c.finish()
	return c.Stats
}

// outputs counts a transaction's outputs and returns their value.
func (c *collector) outputs(tx *consensus.Tx, kept bool) (total int64) {
	c.Outputs += int64(len(tx.TxOut))
	for _, out := range tx.TxOut {
		total += out.Value
		size := int64(out.SerializeSize()) + perCoin
		c.BytesAdded += size
		if kept && !unspendable(out.PkScript) {
			c.spendable++
			c.RealBytesAdded += size
		}
	}
	return total
}

func unspendable(script []byte) bool {
	return len(script) > 0 && script[0] == txscript.OP_RETURN || len(script) > txscript.MaxScriptSize
}

// payment counts a transaction that is no coinbase.
func (c *collector) payment(tx *consensus.Tx, spent []coins.Coin, out int64) {
	c.Inputs += int64(len(tx.TxIn))
	c.TotalOut += out
	size, weight := int64(tx.Size), int64(tx.Weight())
	c.sizes = append(c.sizes, size)
	c.TotalSize += size
	c.TotalWeight += weight
	if tx.HasWitness() {
		c.SegwitTxs++
		c.SegwitSize += size
		c.SegwitWeight += weight
	}
	fee := -out
	for i := range spent {
		fee += spent[i].Value
		size := int64((&wire.TxOut{Value: spent[i].Value, PkScript: spent[i].Script}).SerializeSize()) + perCoin
		c.BytesAdded -= size
		c.RealBytesAdded -= size
	}
	c.TotalFee += fee
	rate := fee * consensus.WitnessScale / max(weight, 1)
	c.fees, c.rates, c.rated = append(c.fees, fee), append(c.rates, rate), append(c.rated, rated{rate, weight})
}

func (c *collector) finish() {
	c.CoinsAdded, c.RealCoinsAdded = c.Outputs-c.Inputs, c.spendable-c.Inputs
	if len(c.fees) == 0 {
		return
	}
	n := int64(len(c.fees))
	c.AvgFee, c.AvgTxSize, c.AvgFeeRate = c.TotalFee/n, c.TotalSize/n, c.TotalFee*consensus.WitnessScale/max(c.TotalWeight, 1)
	c.MinFee, c.MedianFee, c.MaxFee = spread(c.fees)
	c.MinTxSize, c.MedianTxSize, c.MaxTxSize = spread(c.sizes)
	c.MinFeeRate, _, c.MaxFeeRate = spread(c.rates)
	c.Percentiles = percentiles(c.rated, c.TotalWeight)
}

// spread sorts values and returns the least, the middle and the greatest.
func spread(values []int64) (least, median, greatest int64) {
	slices.Sort(values)
	n := len(values)
	median = values[n/2]
	if n%2 == 0 {
		median = (values[n/2-1] + values[n/2]) / 2
	}
	return values[0], median, values[n-1]
}

// percentiles returns the rates that 10, 25, 50, 75 and 90 percent of the
// weight pay at most.
func percentiles(list []rated, weight int64) (found [5]int64) {
	slices.SortFunc(list, func(a, b rated) int {
		return cmp.Or(cmp.Compare(a.rate, b.rate), cmp.Compare(a.weight, b.weight))
	})
	shares := [5]float64{float64(weight) / 10, float64(weight) / 4, float64(weight) / 2, float64(weight) * 3 / 4, float64(weight) * 9 / 10}
	next, sum := 0, int64(0)
	for _, r := range list {
		sum += r.weight
		for ; next < len(shares) && float64(sum) >= shares[next]; next++ {
			found[next] = r.rate
		}
	}
	for ; next < len(shares); next++ {
		found[next] = list[len(list)-1].rate
	}
	return found
}
