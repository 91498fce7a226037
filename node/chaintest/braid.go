package chaintest

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
	"github.com/bulkheadnode/bulkhead/node/coins/muhash"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Braid is a tree of regtest blocks whose branches overtake each other all the
// time, and the hash of the UTXO set after each block.
type Braid struct {
	Genesis *Spot
	Tips    []*Spot // in the order in which they become the best
	Spots   map[chainhash.Hash]*Spot
	Sets    map[chainhash.Hash]chainhash.Hash // MuHash after a block
}

const (
	braidTrunk = 110 // blocks below all forks, so that there is something to spend
	braidDepth = 10  // a strand that has to go back further is given up
	braidCoins = 2000
)

// payment is a coin that can be spent.
type payment struct {
	value    int64
	height   int32
	coinbase bool
	script   []byte
}

// strand is a branch of the braid and its UTXO set.
type strand struct {
	tip   *Spot
	coins map[wire.OutPoint]payment
	set   *muhash.Set
}

// braider grows a braid.
type braider struct {
	*Braid
	rng   *rand.Rand
	spent map[chainhash.Hash]map[wire.OutPoint]payment // what a block spent
	tag   int64
}

// NewBraid returns a braid with so many changes of the best block. Below all
// forks it makes about so many coins, at least ten, that are never spent: with
// 20,000 of them a node with the smallest cache has to flush on the way.
func NewBraid(t testing.TB, rng *rand.Rand, changes, dust int) *Braid {
	genesis := Genesis(t, Regtest(t))
	b := &braider{
		Braid: &Braid{Genesis: genesis, Spots: map[chainhash.Hash]*Spot{}, Sets: map[chainhash.Hash]chainhash.Hash{}},
		rng:   rng, spent: map[chainhash.Hash]map[wire.OutPoint]payment{},
	}
	best := &strand{tip: genesis, coins: map[wire.OutPoint]payment{}, set: muhash.New()}
	b.Spots[genesis.Hash], b.Sets[genesis.Hash] = genesis, best.set.Sum()
	for height := range int32(braidTrunk) {
		b.grow(best, dustOf(best.tip, height-100, dust/(braidTrunk-100)))
	}
	other := &strand{tip: genesis, coins: map[wire.OutPoint]payment{}, set: muhash.New()}
	b.forkOff(other, best)
	for range changes {
		b.overtake(other, best)
		b.Tips = append(b.Tips, other.tip)
		best, other = other, best
		if best.tip.Height-ForkOf(best.tip, other.tip).Height > braidDepth {
			b.forkOff(other, best)
		}
	}
	return b.Braid
}

// dustOf turns a coinbase that is ripe at last into dust.
func dustOf(tip *Spot, height int32, count int) []*consensus.Tx {
	if height < 1 {
		return nil
	}
	return []*consensus.Tx{Spend([]wire.OutPoint{tip.Coinbase(height)}, slices.Repeat([]int64{0}, count)...)}
}

// overtake grows a strand until it is longer than the other.
func (b *braider) overtake(s, than *strand) {
	for target := than.tip.Height + 1 + b.rng.Int32N(2); s.tip.Height < target; {
		b.grow(s, b.payments(s))
	}
}

// payments spends coins of a strand, also those that it creates.
func (b *braider) payments(s *strand) (txs []*consensus.Tx) {
	ripe := make([]wire.OutPoint, 0, len(s.coins))
	for op, coin := range s.coins {
		if !coin.coinbase || s.tip.Height+1-coin.height >= 100 {
			ripe = append(ripe, op)
		}
	}
	slices.SortFunc(ripe, func(a, b wire.OutPoint) int {
		if order := slices.Compare(a.Hash[:], b.Hash[:]); order != 0 {
			return order
		}
		return int(int64(a.Index) - int64(b.Index))
	})
	b.rng.Shuffle(len(ripe), func(i, j int) { ripe[i], ripe[j] = ripe[j], ripe[i] })
	values := map[wire.OutPoint]int64{}
	for count := 1 + b.rng.IntN(4); count > 0 && len(ripe) > 0; count-- {
		inputs, outputs := 1+b.rng.IntN(3), 1+b.rng.IntN(60)
		if len(s.coins) > braidCoins {
			inputs, outputs = 100+b.rng.IntN(200), 1
		}
		from := ripe[:min(inputs, len(ripe))]
		ripe = slices.Clone(ripe[len(from):])
		total := int64(0)
		for _, op := range from {
			total += s.coins[op].value + values[op]
		}
		outputs = min(outputs, int(total)) // none is for nothing: that would be dust
		tx := Spend(from, slices.Repeat([]int64{total / int64(outputs)}, outputs)...)
		txs = append(txs, tx)
		op := wire.OutPoint{Hash: tx.ID} // may be spent by the next one
		values[op] = total / int64(outputs)
		ripe = slices.Insert(ripe, 0, op)
	}
	return txs
}

// grow puts a block on a strand.
func (b *braider) grow(s *strand, txs []*consensus.Tx) {
	job := s.tip.Job()
	b.tag++
	job.Script = binary.LittleEndian.AppendUint64([]byte{8}, uint64(b.tag)) // pushes a number that is not zero
	job.Txs = txs
	b.apply(s, s.tip.Build(job))
	b.Spots[s.tip.Hash] = s.tip
	b.Sets[s.tip.Hash] = s.set.Sum()
}

// apply moves a strand to a child of its tip.
func (b *braider) apply(s *strand, to *Spot) {
	s.tip = to
	spent := map[wire.OutPoint]payment{}
	for i, tx := range to.Txs {
		if i > 0 {
			for _, in := range tx.TxIn {
				coin := s.coins[in.PreviousOutPoint]
				spent[in.PreviousOutPoint] = coin
				delete(s.coins, in.PreviousOutPoint)
				s.set.Remove(element(in.PreviousOutPoint, coin))
			}
		}
		eachCoin(to, i, func(op wire.OutPoint, coin payment) {
			s.set.Insert(element(op, coin))
			if coin.value > 0 {
				s.coins[op] = coin
			}
		})
	}
	b.spent[to.Hash] = spent
}

// revert moves a strand to the parent of its tip.
func (b *braider) revert(s *strand) {
	spent := b.spent[s.tip.Hash]
	for op, coin := range spent {
		s.set.Insert(element(op, coin))
		s.coins[op] = coin
	}
	for i := range s.tip.Txs {
		eachCoin(s.tip, i, func(op wire.OutPoint, coin payment) {
			s.set.Remove(element(op, coin))
			delete(s.coins, op)
		})
	}
	s.tip = s.tip.Parent
}

// ForkOff moves a strand to some blocks below the tip of another.
func (b *braider) forkOff(s, from *strand) {
	to := from.tip
	for range 1 + b.rng.IntN(3) {
		to = to.Parent
	}
	fork := ForkOf(s.tip, to)
	for s.tip.Hash != fork.Hash {
		b.revert(s)
	}
	for _, spot := range Between(fork, to) {
		b.apply(s, spot)
	}
}

// eachCoin calls fn for what a transaction of a block creates.
func eachCoin(spot *Spot, tx int, fn func(wire.OutPoint, payment)) {
	for n, out := range spot.Txs[tx].TxOut {
		if !output.Unspendable(out.PkScript) {
			fn(wire.OutPoint{Hash: spot.Txs[tx].ID, Index: uint32(n)}, payment{out.Value, spot.Height, tx == 0, out.PkScript})
		}
	}
}

// element is a coin as MuHash sees it: outpoint, height and coinbase flag,
// value, script, as in a transaction.
func element(op wire.OutPoint, coin payment) []byte {
	raw := binary.LittleEndian.AppendUint32(slices.Clone(op.Hash[:]), op.Index)
	code := uint32(coin.height) * 2
	if coin.coinbase {
		code++
	}
	raw = binary.LittleEndian.AppendUint32(raw, code)
	raw = binary.LittleEndian.AppendUint64(raw, uint64(coin.value))
	return append(append(raw, byte(len(coin.script))), coin.script...)
}

// ForkOf returns the last block that two branches share.
func ForkOf(a, b *Spot) *Spot {
	for a.Hash != b.Hash {
		if a.Height > b.Height {
			a = a.Parent
		} else {
			b = b.Parent
		}
	}
	return a
}

// Between returns the blocks above fork up to tip, lowest first.
func Between(fork, tip *Spot) (list []*Spot) {
	for s := tip; s != fork; s = s.Parent {
		list = append(list, s)
	}
	slices.Reverse(list)
	return list
}
