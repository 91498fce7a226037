package index

import (
	"encoding/binary"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/coins/muhash"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// CoinStats keeps statistics of the UTXO set after every block.
type CoinStats struct {
	Index
	params *consensus.Params
}

// OpenCoinStats goes on where the database ends.
func OpenCoinStats(c Chain, db Store, p *consensus.Params) (*CoinStats, error) {
	s := &CoinStats{Index: Index{name: "coinstatsindex", chain: c, db: db}, params: p}
	s.keeper = s
	return s, s.open()
}

// Stats describes the UTXO set at the end of a block, and the block. Amounts
// are in satoshi.
type Stats struct {
	Outputs     int64
	BogoSize    int64 // a measure that does not depend on the database
	Amount      int64
	Unspendable int64 // what never entered the set, of all blocks so far
	MuHash      chainhash.Hash
	Block       BlockAmounts
}

// BlockAmounts is where a block's money came from and went, in satoshi.
type BlockAmounts struct {
	Spent     int64 // outputs spent
	Created   int64 // spendable outputs of all transactions but the coinbase
	Coinbase  int64 // spendable outputs of the coinbase
	Genesis   int64 // this and the rest is what never entered the set
	BIP30     int64 // coinbases that were overwritten by equal ones
	Scripts   int64 // outputs that no script can spend
	Unclaimed int64 // subsidy and fees that the coinbase left out
}

// Unspendable is what a block kept out of the set.
func (a *BlockAmounts) Unspendable() int64 { return a.Genesis + a.BIP30 + a.Scripts + a.Unclaimed }

// setState is what is filed under a block: the set's number, then the figures
// as little-endian 64-bit integers.
type setState struct {
	set     muhash.Value
	figures Stats
}

func (s *setState) numbers() []*int64 {
	f := &s.figures
	return []*int64{
		&f.Outputs, &f.BogoSize, &f.Amount, &f.Unspendable, &f.Block.Spent, &f.Block.Created,
		&f.Block.Coinbase, &f.Block.Genesis, &f.Block.BIP30, &f.Block.Scripts, &f.Block.Unclaimed,
	}
}

func (s *setState) encode() []byte {
	b := append([]byte{}, s.set[:]...)
	for _, number := range s.numbers() {
		b = binary.LittleEndian.AppendUint64(b, uint64(*number))
	}
	return b
}

func decodeSetState(b []byte) (*setState, error) {
	s := &setState{}
	numbers := s.numbers()
	if len(b) != muhash.Size+8*len(numbers) {
		return nil, fmt.Errorf("%w: statistics of %d bytes", ErrCorrupt, len(b))
	}
	s.set = muhash.Value(b)
	for i, number := range numbers {
		*number = int64(binary.LittleEndian.Uint64(b[muhash.Size+8*i:]))
	}
	return s, nil
}

func (c *CoinStats) load(at *chain.BlockNode) (*setState, error) {
	value, err := c.kept(at)
	if value == nil || err != nil {
		return nil, err
	}
	return decodeSetState(value)
}

// Get returns the statistics at the end of a block, nil if the index never
// contained it.
func (c *CoinStats) Get(at *chain.BlockNode) (*Stats, error) {
	state, err := c.load(at)
	if state == nil || err != nil {
		return nil, err
	}
	state.figures.MuHash = state.set.Sum()
	return &state.figures, nil
}

func (c *CoinStats) needsSpent() bool { return true }

func (c *CoinStats) keep(_ store.Writer, b *connected) ([]byte, error) {
	subsidy := c.params.Subsidy(b.node.Height)
	if b.node.Height == 0 {
		genesis := setState{set: *muhash.New().Value()}
		genesis.figures.Block.Genesis, genesis.figures.Unspendable = subsidy, subsidy
		return genesis.encode(), nil
	}
	before, err := c.load(b.node.Parent)
	if err == nil && before == nil {
		err = fmt.Errorf("%w: no statistics of the parent", ErrCorrupt)
	}
	if err != nil {
		return nil, err
	}
	before.figures.Block = BlockAmounts{}
	tally := tally{Stats: &before.figures, set: muhash.Load(&before.set)}
	tally.block(b, subsidy)
	before.set = *tally.set.Value()
	return before.encode(), nil
}

// tally moves statistics over a block.
type tally struct {
	*Stats
	set *muhash.Set
	buf []byte
}

func (t *tally) block(b *connected, subsidy int64) {
	for i, tx := range b.Txs {
		if i == 0 && chain.OverwrittenCoinbase(b.node) {
			t.Block.BIP30 += subsidy
			continue
		}
		t.outputs(tx, b.node.Height, i == 0)
		if i > 0 {
			t.inputs(tx, b.spent[i-1])
		}
	}
	a := &t.Block
	a.Unclaimed = a.Spent + subsidy - a.Created - a.Coinbase - a.Scripts - a.BIP30
	t.Unspendable += a.Unspendable()
}

func (t *tally) outputs(tx *consensus.Tx, height int32, coinbase bool) {
	for i, out := range tx.TxOut {
		switch {
		case output.Unspendable(out.PkScript):
			t.Block.Scripts += out.Value
			continue
		case coinbase:
			t.Block.Coinbase += out.Value
		default:
			t.Block.Created += out.Value
		}
		t.Outputs++
		t.Amount += out.Value
		t.BogoSize += coins.BogoSize(out.PkScript)
		coin := coins.Coin{Value: out.Value, Script: out.PkScript, Height: height, Coinbase: coinbase}
		t.set.Insert(t.element(wire.OutPoint{Hash: tx.ID, Index: uint32(i)}, &coin))
	}
}

func (t *tally) inputs(tx *consensus.Tx, spent []coins.Coin) {
	for i := range spent {
		coin := &spent[i]
		t.Block.Spent += coin.Value
		t.Outputs--
		t.Amount -= coin.Value
		t.BogoSize -= coins.BogoSize(coin.Script)
		t.set.Remove(t.element(tx.TxIn[i].PreviousOutPoint, coin))
	}
}

func (t *tally) element(op wire.OutPoint, coin *coins.Coin) []byte {
	t.buf = coins.AppendForHash(t.buf[:0], op, coin)
	return t.buf
}
