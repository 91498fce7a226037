package chain_test

import (
	"bytes"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// fault is something about a block that breaks a rule, or almost.
type fault struct {
	name   string
	commit func(g *grower, d *draft)
}

var faults = slices.Concat(paymentFaults, timeFaults, coinbaseFaults, witnessFaults, headerFaults)

// spendAny adds a transaction from any coin that fits. It returns nil if there
// is none.
func (g *grower) spendAny(d *draft, fits func(treeCoin) bool) *wire.MsgTx {
	list := d.list(fits)
	if len(list) == 0 {
		return nil
	}
	return g.spend(d, pick(g.dice, list))
}

func (d *draft) canSpend(c treeCoin) bool {
	return c.lock != lockForever && (!c.coinbase || d.job.Height-c.height >= chains.CoinbaseMaturity)
}

// altered returns a fault that changes a transaction of the block.
func altered(name string, change func(g *grower, tx *wire.MsgTx)) fault {
	return fault{name, func(g *grower, d *draft) {
		if g.spendAny(d, d.canSpend) != nil {
			last := len(d.txs) - 1
			change(g, d.txs[last])
			g.settle(d, last)
		}
	}}
}

var paymentFaults = []fault{
	altered("more than there is", func(g *grower, tx *wire.MsgTx) { tx.TxOut[0].Value += 50*consensus.Coin + 1 }),
	altered("negative output", func(g *grower, tx *wire.MsgTx) { tx.TxOut[0].Value = -int64(g.roll(3)) - 1 }),
	altered("output too large", func(g *grower, tx *wire.MsgTx) { tx.TxOut[0].Value = consensus.MaxMoney + int64(g.roll(2)) }),
	altered("outputs too large together", func(g *grower, tx *wire.MsgTx) {
		tx.TxOut = append(tx.TxOut, &wire.TxOut{Value: consensus.MaxMoney, PkScript: trueScript})
	}),
	altered("no outputs", func(g *grower, tx *wire.MsgTx) { tx.TxOut = nil }),
	altered("too many sigops", func(g *grower, tx *wire.MsgTx) {
		script := bytes.Repeat([]byte{txscript.OP_CHECKSIG}, 20_000+g.roll(3)-1)
		tx.TxOut = append(tx.TxOut, &wire.TxOut{PkScript: script})
	}),
	{"no such coin", func(g *grower, d *draft) {
		g.spend(d, treeCoin{op: wire.OutPoint{Hash: chainhash.Hash{byte(g.roll(256)), 1}}, out: wire.TxOut{Value: 1, PkScript: trueScript}})
	}},
	{"no such output", func(g *grower, d *draft) {
		if list := d.mature(); len(list) > 0 {
			c := pick(g.dice, list)
			c.op.Index += 1 + uint32(g.roll(3))
			g.spend(d, c)
		}
	}},
	{"young coinbase", func(g *grower, d *draft) {
		g.spendAny(d, func(c treeCoin) bool {
			return c.coinbase && d.job.Height-c.height >= chains.CoinbaseMaturity-2 && d.job.Height-c.height <= chains.CoinbaseMaturity
		})
	}},
	{"double spend", func(g *grower, d *draft) {
		if list := slices.DeleteFunc(d.mature(), func(c treeCoin) bool { return c.lock == lockForever }); len(list) > 0 {
			c := pick(g.dice, list)
			g.spend(d, c)
			g.spend(d, c)
		}
	}},
	{"same input twice", func(g *grower, d *draft) {
		if list := slices.DeleteFunc(d.mature(), func(c treeCoin) bool { return c.lock == lockForever }); len(list) > 0 {
			c := pick(g.dice, list)
			g.spend(d, c, c)
		}
	}},
	{"coin of another branch", func(g *grower, d *draft) {
		other := &draft{job: d.job, coins: pick(g.dice, g.buds).coins}
		if list := other.mature(); len(list) > 0 {
			g.spend(d, pick(g.dice, list))
		}
	}},
	{"spent by the parent", func(g *grower, d *draft) {
		if d.parent.parent == nil {
			return
		}
		before := &draft{job: d.job, coins: d.parent.parent.coins}
		if list := before.mature(); len(list) > 0 {
			g.spend(d, pick(g.dice, list))
		}
	}},
	{"child before parent", func(g *grower, d *draft) {
		if g.spendAny(d, d.canSpend) == nil {
			return
		}
		id := d.txs[len(d.txs)-1].TxHash()
		if g.spendAny(d, func(c treeCoin) bool { return c.op.Hash == id && c.lock != lockForever }) != nil && g.roll(3) > 0 {
			n := len(d.txs)
			d.txs[n-1], d.txs[n-2] = d.txs[n-2], d.txs[n-1]
			d.spent[n-1], d.spent[n-2] = d.spent[n-2], d.spent[n-1]
		}
	}},
	{"locked forever", func(g *grower, d *draft) { g.spendAny(d, func(c treeCoin) bool { return c.lock == lockForever }) }},
	{"wrong key", func(g *grower, d *draft) {
		if tx := g.spendAny(d, d.canSpend); tx != nil {
			spoil(tx.TxIn[0], g.roll(256))
		}
	}},
	{"transaction of an ancestor", func(g *grower, d *draft) {
		at := d.parent
		for range g.roll(3) {
			if at.parent != nil && at.parent.height > 0 {
				at = at.parent
			}
		}
		if len(at.Txs) > 1 {
			d.txs, d.spent = append(d.txs, at.Txs[1].Copy()), append(d.spent, nil)
		}
	}},
}

// lockToMedianTime adds a transaction with a relative lock that ends about now.
func (g *grower) lockToMedianTime(d *draft) {
	tx := g.spendAny(d, func(c treeCoin) bool { return c.height > 0 && d.canSpend(c) })
	if tx == nil {
		return
	}
	last := len(d.txs) - 1
	from := d.parent.below(d.spent[last][0].height - 1).medianTime()
	units := (d.parent.medianTime() - from) >> wire.SequenceLockTimeGranularity
	tx.TxIn[0].Sequence = wire.SequenceLockTimeIsSeconds | uint32(max(units, 0)+int64(g.roll(2)))
	g.settle(d, last)
}

var timeFaults = []fault{
	altered("relative height", func(g *grower, tx *wire.MsgTx) { tx.TxIn[0].Sequence = uint32(g.roll(8)) }),
	altered("relative height, old version", func(g *grower, tx *wire.MsgTx) {
		tx.Version, tx.TxIn[0].Sequence = int32(g.roll(4)-1), uint32(g.roll(8))
	}),
	{"relative time", (*grower).lockToMedianTime}, {"relative time", (*grower).lockToMedianTime},
	{"relative time", (*grower).lockToMedianTime}, {"relative time", (*grower).lockToMedianTime},
	altered("relative, other bits", func(g *grower, tx *wire.MsgTx) {
		tx.TxIn[0].Sequence = uint32(g.roll(4)) | uint32(g.roll(256))<<16 | uint32(g.roll(256))<<24
	}),
	{"new coin with a relative time", func(g *grower, d *draft) {
		tx := g.spendAny(d, func(c treeCoin) bool { return !c.coinbase && c.lock != lockForever && d.job.Height-c.height < 6 })
		if tx != nil {
			tx.TxIn[0].Sequence = uint32(g.roll(4)) | uint32(g.roll(2))<<22
			g.settle(d, len(d.txs)-1)
		}
	}},
	{"absolute height", func(g *grower, d *draft) {
		if tx := g.spendAny(d, d.canSpend); tx != nil {
			tx.LockTime, tx.TxIn[0].Sequence = uint32(int(d.job.Height)+g.roll(4)-2), wire.MaxTxInSequenceNum-uint32(g.roll(3))
			g.settle(d, len(d.txs)-1)
		}
	}},
	{"absolute time", func(g *grower, d *draft) {
		if tx := g.spendAny(d, d.canSpend); tx != nil {
			base := pick(g.dice, []int64{d.parent.medianTime(), d.parent.medianTime(), d.parent.medianTime(), d.job.Time})
			tx.LockTime, tx.TxIn[0].Sequence = uint32(base+int64(g.roll(2))-1), wire.MaxTxInSequenceNum-uint32(g.roll(4))
			g.settle(d, len(d.txs)-1)
		}
	}},
	{"locked by BIP112", func(g *grower, d *draft) {
		if tx := g.spendAny(d, func(c treeCoin) bool { return c.lock == lockSequence }); tx != nil {
			tx.TxIn[0].Sequence = uint32(g.roll(5)) | uint32(g.roll(2))<<22
			tx.Version = int32(1 + g.roll(2))
			g.settle(d, len(d.txs)-1)
		}
	}},
	{"locked by BIP65", func(g *grower, d *draft) {
		if tx := g.spendAny(d, func(c treeCoin) bool { return c.lock == lockTime }); tx != nil {
			tx.LockTime = uint32(int(d.job.Height) + g.roll(4) - 2)
			tx.TxIn[0].Sequence = wire.MaxTxInSequenceNum - uint32(g.roll(2))
			g.settle(d, len(d.txs)-1)
		}
	}},
	{"time at the median", func(g *grower, d *draft) { d.job.Time = d.parent.medianTime() + int64(g.roll(3)) - 1 }},
	{"time in the future", func(g *grower, d *draft) { d.job.Time = g.now + consensus.MaxFutureSeconds + int64(g.roll(3)) - 1 }},
}

// recast returns a fault that changes the coinbase.
func recast(name string, change func(g *grower, tx *wire.MsgTx)) fault {
	return fault{name, func(g *grower, d *draft) {
		d.change = func(_ *wire.BlockHeader, txs []*consensus.Tx) []*consensus.Tx {
			tx := txs[0].Copy()
			change(g, tx)
			return append([]*consensus.Tx{consensus.NewTx(tx)}, txs[1:]...)
		}
	}}
}

var coinbaseFaults = []fault{
	{"too much reward", func(g *grower, d *draft) { d.job.Fees += int64(g.roll(2)) + 1 }},
	{"less reward", func(g *grower, d *draft) { d.job.Fees -= int64(g.roll(2)) }},
	recast("height", func(g *grower, tx *wire.MsgTx) {
		tx.TxIn[0].SignatureScript[1+g.roll(len(tx.TxIn[0].SignatureScript)-1)] ^= 1
	}),
	recast("length of script", func(g *grower, tx *wire.MsgTx) {
		in := tx.TxIn[0]
		in.SignatureScript = append(in.SignatureScript, make([]byte, 100-len(in.SignatureScript)+g.roll(3)-1)...)
	}),
	recast("short script", func(g *grower, tx *wire.MsgTx) { tx.TxIn[0].SignatureScript = tx.TxIn[0].SignatureScript[:g.roll(3)] }),
	recast("lock time", func(g *grower, tx *wire.MsgTx) {
		tx.LockTime += uint32(g.roll(3))
		tx.TxIn[0].Sequence -= uint32(g.roll(2))
	}),
	{"two coinbases", func(g *grower, d *draft) {
		d.change = func(_ *wire.BlockHeader, txs []*consensus.Tx) []*consensus.Tx { return append(txs, txs[0]) }
	}},
	{"no coinbase", func(g *grower, d *draft) {
		d.change = func(_ *wire.BlockHeader, txs []*consensus.Tx) []*consensus.Tx { return txs[1:] }
	}},
	{"empty block", func(g *grower, d *draft) {
		d.change = func(header *wire.BlockHeader, txs []*consensus.Tx) []*consensus.Tx { return nil }
	}},
}

var witnessFaults = []fault{
	recast("another commitment", func(g *grower, tx *wire.MsgTx) { tx.TxOut[1].PkScript[6+g.roll(32)] ^= 1 }),
	recast("two commitments", func(g *grower, tx *wire.MsgTx) {
		wrong := slices.Clone(tx.TxOut[1].PkScript)
		wrong[10] ^= 1
		tx.TxOut = slices.Insert(tx.TxOut, 1+g.roll(2), &wire.TxOut{PkScript: wrong})
	}),
	recast("no commitment", func(g *grower, tx *wire.MsgTx) {
		tx.TxOut = tx.TxOut[:1]
		if g.roll(2) == 1 {
			tx.TxIn[0].Witness = nil
		}
	}),
	recast("reserved value", func(g *grower, tx *wire.MsgTx) { tx.TxIn[0].Witness[0] = make([]byte, 31+g.roll(3)) }),
	recast("other reserved value", func(g *grower, tx *wire.MsgTx) { tx.TxIn[0].Witness[0] = bytes.Repeat([]byte{1}, 32) }),
	recast("no reserved value", func(g *grower, tx *wire.MsgTx) { tx.TxIn[0].Witness = nil }),
	recast("two reserved values", func(g *grower, tx *wire.MsgTx) {
		tx.TxIn[0].Witness = append(tx.TxIn[0].Witness, make([]byte, 32))
	}),
	{"changed witness first", func(g *grower, d *draft) {
		n := g.roll(2)
		d.alias = func(b *consensus.Block) *consensus.Block {
			txs := slices.Clone(b.Txs)
			i := min(n, len(txs)-1)
			tx := txs[i].Copy()
			tx.TxIn[0].Witness = append(tx.TxIn[0].Witness, []byte{1})
			txs[i] = consensus.NewTx(tx)
			return consensus.NewBlock(b.Header, txs)
		}
	}},
	{"repeated transactions first", func(g *grower, d *draft) {
		d.alias = func(b *consensus.Block) *consensus.Block {
			if len(b.Txs)%2 == 0 || len(b.Txs) == 1 {
				return b
			}
			return consensus.NewBlock(b.Header, append(slices.Clone(b.Txs), b.Txs[len(b.Txs)-1]))
		}
	}},
}

// disguised returns a fault that changes the header.
func disguised(name string, change func(g *grower, header *wire.BlockHeader)) fault {
	return fault{name, func(g *grower, d *draft) {
		d.disguise = func(header *wire.BlockHeader) { change(g, header) }
	}}
}

var headerFaults = []fault{
	disguised("merkle root", func(g *grower, h *wire.BlockHeader) { h.MerkleRoot[g.roll(32)] ^= 1 }),
	disguised("bits", func(g *grower, h *wire.BlockHeader) {
		h.Bits = pick(g.dice, []uint32{0x207ffffe, 0x2000ffff, 0x1d00ffff, 0x21008000, 0x207fffff, 0x01810000, 0})
	}),
	disguised("version", func(g *grower, h *wire.BlockHeader) { h.Version = int32(g.roll(6)) - 1 }),
	disguised("later", func(g *grower, h *wire.BlockHeader) {
		h.Timestamp = h.Timestamp.Add(time.Duration(g.roll(256)) * spacing / 4 * time.Second)
	}),
}
