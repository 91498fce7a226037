package chain_test

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mining"
)

// dice decides by the bytes of an input. When they are used up, everything is
// as usual, which is zero.
type dice struct{ bytes []byte }

func (d *dice) roll(sides int) int {
	if len(d.bytes) == 0 {
		return 0
	}
	v := int(d.bytes[0])
	d.bytes = d.bytes[1:]
	return v % sides
}

// rarely is true once in sides times.
func (d *dice) rarely(sides int) bool { return d.roll(sides) == sides-1 }

func pick[T any](d *dice, list []T) T { return list[d.roll(min(len(list), 256))] }

// bud is a block of a tree, valid or not, with what its chain would leave
// behind if it was valid.
type bud struct {
	*consensus.Block
	height int32
	parent *bud
	coins  map[wire.OutPoint]treeCoin
	what   string // its fault
	sound  bool   // nor has it one of its ancestors
	alias  *consensus.Block
}

func (b *bud) time() int64 { return b.Header.Timestamp.Unix() }

func (b *bud) medianTime() int64 {
	var times []int64
	for at := b; at != nil && len(times) < 11; at = at.parent {
		times = append(times, at.time())
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// below returns an ancestor; those below the buds are unknown, which is nil.
func (b *bud) below(height int32) *bud {
	for b != nil && b.height > height {
		b = b.parent
	}
	return b
}

// grower makes trees.
type grower struct {
	*dice
	t      testing.TB
	p      *consensus.Params
	keeper *keeper
	forest *forest
	now    int64
	buds   []*bud // of the tree and the trunk below it
	held   []*bud // made, but not delivered
}

// trunkHeight is how many blocks a forest begins with, the first of whose
// coinbases can be spent.
const trunkHeight = 108

// spacing is the usual number of seconds between blocks: half of a unit of
// BIP68's lock times, so that these often end to the second.
const spacing = 1 << wire.SequenceLockTimeGranularity / 2

// trunkTime is when the second block is made: btcd goes by the time of a block
// to tell whether BIP16 is in force.
const trunkTime = 1_400_000_000

// maxHeight bounds a forest.
const maxHeight = 600

// growForest lets an input decide about trees until it is used up, one upon
// the other.
func growForest(t *testing.T, input []byte, count *census) {
	p := chaintest.Regtest(t)
	now := int64(trunkTime + maxHeight*spacing)
	g := &grower{dice: &dice{input}, t: t, p: p, keeper: newKeeper(t), now: now, forest: newForest(t, now, count)}
	g.trunk()
	for len(g.bytes) > 0 && g.root().height < maxHeight {
		g.tree()
		g.forest.compare()
		count.trees++
	}
	g.forest.finish()
}

// root is the last block on the best chain.
func (g *grower) root() *bud {
	tip := g.forest.us.tip()
	i := slices.IndexFunc(g.buds, func(b *bud) bool { return b.Hash == tip })
	require.GreaterOrEqual(g.t, i, 0)
	return g.buds[i]
}

func (g *grower) trunk() {
	genesis := consensus.NewBlock(g.p.GenesisBlock.Header, nil)
	genesis.Hash = *g.p.GenesisHash
	at := &bud{Block: genesis, coins: map[wire.OutPoint]treeCoin{}}
	for at.height < trunkHeight {
		d := g.draft(at)
		d.job.Time = max(trunkTime, at.time()+spacing)
		at = g.finish(d, func(*draft) {})
		g.forest.deliver(at.Block, "trunk")
		at.sound = true
		g.buds = append(g.buds, at)
	}
}

// maxTree bounds the blocks of a tree.
const maxTree = 40

// tree grows a tree from the best chain. Its blocks arrive more or less in
// order.
func (g *grower) tree() {
	g.forest.ours.headersFirst = g.roll(2) == 1
	g.trim()
	for range 6 + g.roll(maxTree-6) {
		b := g.grow()
		g.buds = append(g.buds, b)
		g.forest.ours.announce(b.Header)
		if g.rarely(5) {
			g.held = append(g.held, b)
		} else {
			g.deliver(b)
		}
		if len(g.held) > 0 && g.rarely(4) {
			g.release()
		}
	}
	for len(g.held) > 0 {
		g.release()
	}
}

// reach is how far below the tip a tree may fork off.
const reach = 8

// trim forgets the blocks that nothing will be built upon.
func (g *grower) trim() {
	root := g.root()
	var keep []*bud
	for at := root; at != nil && at.height > root.height-reach; at = at.parent {
		keep = append(keep, at)
	}
	slices.Reverse(keep)
	for _, b := range keep {
		b.sound = true // as has turned out
	}
	g.buds = keep
}

func (g *grower) release() {
	i := g.roll(len(g.held))
	b := g.held[i]
	g.held = slices.Delete(g.held, i, i+1)
	g.deliver(b)
}

func (g *grower) deliver(b *bud) {
	if b.alias != nil {
		g.forest.deliver(b.alias, b.what)
	}
	g.forest.deliver(b.Block, b.what)
}

// ground chooses what the next block stands on: most often one of the last
// blocks without a fault, or the end of a branch, so that branches overtake each
// other.
func (g *grower) ground() *bud {
	sound := slices.DeleteFunc(slices.Clone(g.buds), func(b *bud) bool { return !b.sound })
	switch g.roll(8) {
	case 3, 4:
		return sound[len(sound)-1-g.roll(min(len(sound), 6))]
	case 5:
		ends := slices.DeleteFunc(slices.Clone(sound), func(b *bud) bool {
			return slices.ContainsFunc(sound, func(other *bud) bool { return other.parent == b })
		})
		return pick(g.dice, ends)
	case 6:
		return pick(g.dice, g.buds)
	case 7:
		return g.root()
	}
	return sound[len(sound)-1]
}

// grow makes a block.
func (g *grower) grow() *bud {
	parent := g.ground()
	d := g.draft(parent)
	for range g.roll(4) {
		g.payment(d)
	}
	f := fault{"nothing", func(*grower, *draft) {}}
	if g.rarely(3) {
		f = pick(g.dice, faults)
	}
	b := g.finish(d, func(d *draft) { f.commit(g, d) })
	b.what, b.sound = f.name, parent.sound && f.name == "nothing"
	return b
}

// draft is a block in the making.
type draft struct {
	job    mining.Job
	parent *bud
	coins  map[wire.OutPoint]treeCoin
	txs    []*wire.MsgTx
	spent  [][]treeCoin // by txs
	// Changes to the finished block before it is solved; may be nil.
	change func(header *wire.BlockHeader, txs []*consensus.Tx) []*consensus.Tx
	// The same after its merkle root is made.
	disguise func(header *wire.BlockHeader)
	alias    func(*consensus.Block) *consensus.Block
}

func (g *grower) draft(parent *bud) *draft {
	height := parent.height + 1
	// Always at a multiple of the spacing or just before it.
	time := (parent.time()+1)/spacing*spacing + int64(g.roll(4)-1)*spacing
	for time <= parent.medianTime()+1 {
		time += spacing
	}
	time -= int64(g.roll(2))
	return &draft{
		parent: parent, coins: maps.Clone(parent.coins),
		job: mining.Job{
			Params: g.p, Parent: parent.Hash, Height: height, Version: 0x20000000, Bits: g.p.PowLimitBits, Time: time,
			// Now and then, branches have coinbases in common.
			Script: []byte{txscript.OP_DATA_1, byte(g.roll(3)), txscript.OP_DROP, txscript.OP_TRUE},
		},
	}
}

// mature lists the coins that can be spent, in an order that follows from the
// input alone.
func (d *draft) mature() []treeCoin {
	return d.list(func(c treeCoin) bool { return !c.coinbase || d.job.Height-c.height >= chains.CoinbaseMaturity })
}

func (d *draft) list(fits func(treeCoin) bool) []treeCoin {
	var list []treeCoin
	for _, c := range d.coins {
		if fits(c) {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b treeCoin) int {
		return cmp.Or(bytes.Compare(a.op.Hash[:], b.op.Hash[:]), cmp.Compare(a.op.Index, b.op.Index))
	})
	return list
}

// payment adds a transaction that spends what there is.
func (g *grower) payment(d *draft) {
	list := slices.DeleteFunc(d.mature(), func(c treeCoin) bool {
		locked := c.lock == lockSequence || c.lock == lockTime
		return c.lock == lockForever || locked && d.job.Height <= c.height+maxNumber || c.height < 0 && locked
	})
	if len(list) == 0 {
		return
	}
	from := []treeCoin{pick(g.dice, list)}
	if more := pick(g.dice, list); more.op != from[0].op && g.rarely(3) {
		from = append(from, more)
	}
	g.spend(d, from...)
}

// maxNumber is for how many blocks an output is locked at most.
const maxNumber = 3

// spend adds a transaction from given coins, whether there are such or not.
func (g *grower) spend(d *draft, from ...treeCoin) *wire.MsgTx {
	tx := &wire.MsgTx{Version: 2}
	left := int64(0)
	for _, c := range from {
		sequence := uint32(wire.MaxTxInSequenceNum)
		switch {
		case c.lock == lockTime:
			tx.LockTime, sequence = uint32(d.job.Height-1), wire.MaxTxInSequenceNum-1
		case c.lock == lockSequence:
			sequence = uint32(max(d.job.Height-c.height, 0))
		}
		tx.TxIn = append(tx.TxIn, &wire.TxIn{PreviousOutPoint: c.op, Sequence: sequence})
		left += c.out.Value
	}
	for range 1 + g.roll(3) {
		value := left / int64(1+g.roll(3))
		left -= value
		l := lock(g.roll(int(locks)))
		number := int64(g.roll(maxNumber + 1))
		if l == lockTime {
			number += int64(d.job.Height) - 1
		}
		tx.TxOut = append(tx.TxOut, &wire.TxOut{Value: value, PkScript: g.keeper.script(l, number)})
	}
	if g.rarely(6) {
		tx.TxOut = append(tx.TxOut, &wire.TxOut{PkScript: []byte{txscript.OP_RETURN, byte(g.roll(256))}})
	}
	d.txs, d.spent = append(d.txs, tx), append(d.spent, from)
	g.settle(d, len(d.txs)-1)
	return tx
}

// settle signs a transaction and makes its outputs known, after it was changed.
func (g *grower) settle(d *draft, i int) {
	tx := d.txs[i]
	g.keeper.open(tx, d.spent[i])
	for _, in := range tx.TxIn {
		delete(d.coins, in.PreviousOutPoint)
	}
	for op, c := range d.coins {
		if c.height == -int32(i)-1 {
			delete(d.coins, op) // of an earlier version
		}
	}
	g.learn(d.coins, tx, -int32(i)-1, false)
}

// learn adds a transaction's outputs to a set. A height below zero stands for
// the block in the making.
func (g *grower) learn(set map[wire.OutPoint]treeCoin, tx *wire.MsgTx, height int32, coinbase bool) {
	id := tx.TxHash()
	for i, out := range tx.TxOut {
		if output.Unspendable(out.PkScript) {
			continue
		}
		c := treeCoin{op: wire.OutPoint{Hash: id, Index: uint32(i)}, out: *out, height: height, coinbase: coinbase}
		c.lock = g.lockOf(out.PkScript)
		set[c.op] = c
	}
}

func (g *grower) lockOf(script []byte) lock {
	for l := lockTrue; l < lockSequence; l++ {
		if slices.Equal(script, g.keeper.plain[l]) {
			return l
		}
	}
	switch {
	case slices.Contains(script, txscript.OP_CHECKSEQUENCEVERIFY):
		return lockSequence
	case slices.Contains(script, txscript.OP_CHECKLOCKTIMEVERIFY):
		return lockTime
	case len(script) == 1:
		return lockForever
	}
	return lockTrue
}

// finish makes a block of a draft.
func (g *grower) finish(d *draft, commit func(*draft)) *bud {
	commit(d)
	for i, tx := range d.txs {
		d.job.Txs = append(d.job.Txs, consensus.NewTx(tx))
		d.job.Fees += fee(tx, d.spent[i])
	}
	b := mining.Assemble(d.job)
	if d.change != nil {
		header, txs := b.Header, b.Txs
		root := header.MerkleRoot
		txs = d.change(&header, txs)
		if header.MerkleRoot == root && len(txs) > 0 {
			header.MerkleRoot, _ = consensus.MerkleRoot(txs)
		}
		b = consensus.NewBlock(header, txs)
	}
	if d.disguise != nil {
		header := b.Header
		d.disguise(&header)
		b = consensus.NewBlock(header, b.Txs)
	}
	if solved, _ := mining.Solve(b, g.p, 1<<12); solved != nil {
		b = solved // not if its target is too hard
	}
	grown := &bud{Block: b, height: d.job.Height, parent: d.parent, coins: d.coins}
	for op, c := range grown.coins {
		if c.height < 0 {
			c.height = d.job.Height
			grown.coins[op] = c
		}
	}
	if len(b.Txs) > 0 {
		g.learn(grown.coins, b.Txs[0].MsgTx, d.job.Height, true)
	}
	if d.alias != nil {
		grown.alias = d.alias(b)
	}
	return grown
}

// fee is what a transaction leaves; nothing if that is not allowed.
func fee(tx *wire.MsgTx, spent []treeCoin) int64 {
	left := int64(0)
	for _, c := range spent {
		left += c.out.Value
	}
	for _, out := range tx.TxOut {
		left -= out.Value
	}
	return max(left, 0)
}
