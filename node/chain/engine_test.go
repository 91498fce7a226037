package chain_test

import (
	"fmt"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

const regtestNow = 1_300_000_000 + 10_000_000

// rig is an engine on regtest with what it reported.
type rig struct {
	*chain.Engine
	t      *testing.T
	disk   *chaintest.Disk
	events []string
}

func newRig(t *testing.T) *rig { return newRigWith(t, chaintest.Regtest(t)) }

func newRigWith(t *testing.T, p *consensus.Params) *rig {
	r := &rig{t: t, disk: chaintest.OpenDisk(t, t.TempDir(), p)}
	var err error
	r.Engine, err = chain.Open(r.disk.Config(p), regtestNow)
	require.NoError(t, err)
	t.Cleanup(func() { r.disk.Close(t) })
	return r
}

func (r *rig) hear(ev chain.Event) {
	switch ev := ev.(type) {
	case chain.Connected:
		r.events = append(r.events, fmt.Sprintf("+%d", ev.Node.Height))
	case chain.Disconnected:
		r.events = append(r.events, fmt.Sprintf("-%d", ev.Node.Height))
	case chain.TipChanged:
		r.events = append(r.events, fmt.Sprintf("tip %d", ev.Tip.Height))
	case chain.Refused:
		r.events = append(r.events, ev.Reject.Reason)
	}
}

// give hands over one block and returns the error about it.
func (r *rig) give(s *chaintest.Spot) error {
	_, _, err := r.AcceptBlock(s.Block, true, regtestNow)
	require.NoError(r.t, chaintest.Activate(r.Engine, regtestNow, r.hear))
	return err
}

func (r *rig) giveAll(to *chaintest.Spot) {
	r.t.Helper()
	for _, s := range to.Path() {
		require.NoError(r.t, r.give(s))
	}
}

func (r *rig) requireTip(s *chaintest.Spot) {
	r.t.Helper()
	require.Equal(r.t, s.Hash, r.View().Tip().Hash, "height %d instead of %d", r.View().Height(), s.Height)
}

func (r *rig) hash() string {
	return chaintest.Statistics(r.t, r.Engine, coins.HashSerialized3).Hash.String()
}

func (r *rig) requireReject(s *chaintest.Spot, reason string) {
	r.t.Helper()
	tip := r.View().Tip()
	r.events = nil
	if err := r.give(s); err != nil {
		var reject *consensus.Reject
		require.ErrorAs(r.t, err, &reject)
		require.Equal(r.t, reason, reject.Reason)
	} else {
		require.Contains(r.t, r.events, reason)
	}
	require.Equal(r.t, tip, r.View().Tip())
}

func TestLongerBranchWins(t *testing.T) {
	r := newRig(t)
	base := chaintest.Genesis(t, r.Params()).Extend(3, 0)
	a, b := base.Extend(2, 'a'), base.Extend(3, 'b')
	r.giveAll(a)
	atA := r.hash()
	r.events = nil
	for _, s := range b.Path()[3:5] {
		require.NoError(t, r.give(s))
		r.requireTip(a)
	}
	require.NoError(t, r.give(b))
	r.requireTip(b)
	require.Equal(t, []string{"-5", "-4", "+4", "+5", "+6", "tip 6"}, r.events)
	atB := r.hash()

	require.NoError(t, r.Invalidate(b.Path()[4].Hash, regtestNow))
	require.NoError(t, chaintest.Activate(r.Engine, regtestNow, r.hear))
	r.requireTip(a)
	require.Equal(t, atA, r.hash())
	require.NoError(t, r.Reconsider(b.Hash))
	require.NoError(t, chaintest.Activate(r.Engine, regtestNow, r.hear))
	r.requireTip(b)
	require.Equal(t, atB, r.hash())
}

func TestBlocksOutOfOrder(t *testing.T) {
	r := newRig(t)
	path := chaintest.Genesis(t, r.Params()).Extend(50, 0).Path()
	var headers []wire.BlockHeader
	for _, s := range path {
		headers = append(headers, s.Header)
	}
	_, added, err := r.AcceptHeaders(headers, regtestNow)
	require.NoError(t, err)
	require.Equal(t, len(path), added)
	for i := len(path) - 1; i > 0; i-- {
		require.NoError(t, r.give(path[i]))
	}
	require.Zero(t, r.View().Height())
	require.NoError(t, r.give(path[0]))
	r.requireTip(path[49])
}

func TestPrecious(t *testing.T) {
	r := newRig(t)
	base := chaintest.Genesis(t, r.Params()).Extend(1, 0)
	a, b := base.Extend(1, 'a'), base.Extend(1, 'b')
	r.giveAll(a)
	require.NoError(t, r.give(b))
	r.requireTip(a)
	require.NoError(t, r.Precious(b.Hash))
	require.NoError(t, chaintest.Activate(r.Engine, regtestNow, r.hear))
	r.requireTip(b)
	require.NoError(t, r.Precious(a.Hash))
	require.NoError(t, chaintest.Activate(r.Engine, regtestNow, r.hear))
	r.requireTip(a)
}

// An invalid block deep in a better branch: the old branch comes back, and
// nobody sees anything in between.
func TestInvalidBranchIsLeft(t *testing.T) {
	r := newRig(t)
	base := chaintest.Genesis(t, r.Params()).Extend(102, 0)
	good := base.Extend(2, 'g')
	r.giveAll(good)
	before := r.hash()
	thief := chaintest.Spend([]wire.OutPoint{base.Coinbase(1)}, 51*consensus.Coin)
	bad := base.Next(thief)
	end := bad.Extend(3, 'x')
	_, _, err := r.AcceptHeaders([]wire.BlockHeader{bad.Header}, regtestNow)
	require.NoError(t, err)
	for _, s := range end.Path()[103:] {
		require.NoError(t, r.give(s))
	}
	r.events = nil
	require.NoError(t, r.give(bad))
	r.requireTip(good)
	require.Equal(t, []string{"-104", "-103", "bad-txns-in-belowout", "+103", "+104"}, r.events)
	require.Equal(t, before, r.hash())
	require.True(t, r.Info(r.Lookup(end.Hash)).Failed)
	require.ErrorContains(t, r.give(end.Extend(1, 'y')), "bad-prevblk")
}

func TestRejectReasons(t *testing.T) {
	r := newRig(t)
	base := chaintest.Genesis(t, r.Params()).Extend(110, 0)
	r.giveAll(base)
	spend := func(height int32, values ...int64) *consensus.Tx {
		return chaintest.Spend([]wire.OutPoint{base.Coinbase(height)}, values...)
	}
	const coin = consensus.Coin
	with := func(txs ...*consensus.Tx) *chaintest.Spot { return base.Next(txs...) }
	keep := func(txs []*consensus.Tx) []*consensus.Tx { return txs }
	mutate := func(fn func(h *wire.BlockHeader)) *chaintest.Spot {
		return base.Change(nil, func(h *wire.BlockHeader, txs []*consensus.Tx) []*consensus.Tx { fn(h); return keep(txs) })
	}
	replace := func(fn func([]*consensus.Tx) []*consensus.Tx, txs ...*consensus.Tx) *chaintest.Spot {
		return base.Change(txs, func(_ *wire.BlockHeader, all []*consensus.Tx) []*consensus.Tx { return fn(all) })
	}
	changeCoinbase := func(fn func(*wire.MsgTx)) *chaintest.Spot {
		return replace(func(txs []*consensus.Tx) []*consensus.Tx {
			tx := txs[0].Copy()
			fn(tx)
			return []*consensus.Tx{consensus.NewTx(tx)}
		})
	}
	twice := chaintest.Spend([]wire.OutPoint{base.Coinbase(1), base.Coinbase(1)}, coin)
	witness := spend(1, coin).Copy()
	witness.TxIn[0].Witness = wire.TxWitness{{1}}

	cases := map[string]*chaintest.Spot{
		"bad-txns-inputs-missingorspent":       with(spend(1, coin), spend(1, 2*coin)),
		"bad-txns-premature-spend-of-coinbase": with(spend(60, coin)),
		"bad-txns-in-belowout":                 with(spend(1, 50*coin+1)),
		"bad-txns-inputs-duplicate":            with(twice),
		"bad-txns-vout-negative":               with(spend(1, -1)),
		"bad-txns-vout-toolarge":               with(spend(1, consensus.MaxMoney+1)),
		"bad-txns-txouttotal-toolarge":         with(spend(1, consensus.MaxMoney, 1)),
		"bad-txns-vout-empty":                  with(spend(1)),
		"bad-cb-amount":                        changeCoinbase(func(tx *wire.MsgTx) { tx.TxOut[0].Value++ }),
		"bad-cb-height":                        changeCoinbase(func(tx *wire.MsgTx) { tx.TxIn[0].SignatureScript = []byte{1, 2, 3} }),
		"bad-cb-length":                        changeCoinbase(func(tx *wire.MsgTx) { tx.TxIn[0].SignatureScript = nil }),
		"bad-witness-nonce-size":               changeCoinbase(func(tx *wire.MsgTx) { tx.TxIn[0].Witness = nil }),
		"bad-witness-merkle-match":             changeCoinbase(func(tx *wire.MsgTx) { tx.TxOut[1].PkScript[10] ^= 1 }),
		"bad-cb-missing":                       replace(func(txs []*consensus.Tx) []*consensus.Tx { return txs[1:] }, spend(1, coin)),
		"bad-cb-multiple":                      replace(func(txs []*consensus.Tx) []*consensus.Tx { return append(txs, txs[0]) }, spend(1, coin)),
		"bad-txns-duplicate":                   replace(func(txs []*consensus.Tx) []*consensus.Tx { return append(txs, txs[2]) }, spend(1, coin), spend(2, coin)),
		"bad-blk-length":                       with(spend(1, make([]int64, 120_000)...)),
		"unexpected-witness": replace(func(txs []*consensus.Tx) []*consensus.Tx {
			tx := txs[0].Copy()
			tx.TxOut = tx.TxOut[:1]
			return []*consensus.Tx{consensus.NewTx(tx), txs[1]}
		}, consensus.NewTx(witness)),
		"time-too-old":            mutate(func(h *wire.BlockHeader) { h.Timestamp = base.Parent.Parent.Parent.Parent.Parent.Header.Timestamp }),
		"time-too-new":            mutate(func(h *wire.BlockHeader) { h.Timestamp = h.Timestamp.AddDate(9, 0, 0) }),
		"bad-version(0x00000001)": mutate(func(h *wire.BlockHeader) { h.Version = 1 }),
		"bad-diffbits":            mutate(func(h *wire.BlockHeader) { h.Bits = 0x207ffffe }),
		"bad-txnmrklroot":         mutate(func(h *wire.BlockHeader) { h.MerkleRoot[0] = 1 }),
		"prev-blk-not-found":      mutate(func(h *wire.BlockHeader) { h.PrevBlock[0] ^= 1 }),
		"bad-txns-nonfinal":       with(locked(spend(1, coin))),
		"block-script-verify-flag-failed (Script evaluated without error but finished with a false/empty top stack element)": base.Next(unspendable(base)...),
	}
	for reason, s := range cases {
		t.Run(reason, func(t *testing.T) {
			r.t = t
			r.requireReject(s, reason)
		})
	}
	r.t = t
	require.NoError(t, r.give(base.Next(spend(1, coin))))
	require.Equal(t, int32(111), r.View().Height())
}

// A transaction may come again once all its outputs are spent, unless the
// coinbases' heights keep them apart anyway (BIP30, BIP34).
func TestRepeatedTransactions(t *testing.T) {
	p := chaintest.Regtest(t)
	p.BIP34Height = 1000
	r := newRigWith(t, p)
	base := chaintest.Genesis(t, p).Extend(101, 0)
	r.giveAll(base)
	first := base.Path()[0].Block.Txs[0]
	repeat := func(on *chaintest.Spot) *chaintest.Spot {
		return on.Change(nil, func(_ *wire.BlockHeader, txs []*consensus.Tx) []*consensus.Tx { return []*consensus.Tx{first} })
	}
	r.requireReject(repeat(base), "bad-txns-BIP30")
	spending := base.Next(chaintest.Spend([]wire.OutPoint{base.Coinbase(1)}, consensus.Coin))
	require.NoError(t, r.give(spending))
	require.NoError(t, r.give(repeat(spending)))
	r.requireTip(repeat(spending))

	r = newRig(t)
	base = chaintest.Genesis(t, r.Params()).Extend(101, 0)
	r.giveAll(base)
	r.requireReject(repeat(base), "bad-cb-height")
}

func locked(tx *consensus.Tx) *consensus.Tx {
	msg := tx.Copy()
	msg.LockTime, msg.TxIn[0].Sequence = 1000, 0
	return consensus.NewTx(msg)
}

// unspendable makes an output that needs a proof nobody has, and spends it.
func unspendable(base *chaintest.Spot) []*consensus.Tx {
	msg := chaintest.Spend([]wire.OutPoint{base.Coinbase(1)}, consensus.Coin).Copy()
	msg.TxOut[0].PkScript = []byte{0}
	parent := consensus.NewTx(msg)
	return []*consensus.Tx{parent, chaintest.Spend([]wire.OutPoint{{Hash: parent.ID}}, 1)}
}

// A malleated block must not stand in the way of the right one.
func TestMutatedBlockLeavesNoMark(t *testing.T) {
	r := newRig(t)
	base := chaintest.Genesis(t, r.Params()).Extend(102, 0)
	r.giveAll(base)
	right := base.Next(chaintest.Spend([]wire.OutPoint{base.Coinbase(1)}, 1), chaintest.Spend([]wire.OutPoint{base.Coinbase(2)}, 1))
	wrong := *right
	wrong.Block = consensus.NewBlock(right.Header, append(right.Txs[:3:3], right.Txs[2]))
	require.Equal(t, right.Hash, wrong.Hash)
	r.requireReject(&wrong, "bad-txns-duplicate")

	spoilt := right.Txs[0].Copy()
	spoilt.TxIn[0].Witness = wire.TxWitness{make([]byte, 31)}
	wrong.Block = consensus.NewBlock(right.Header, append([]*consensus.Tx{consensus.NewTx(spoilt)}, right.Txs[1:]...))
	r.requireReject(&wrong, "bad-witness-nonce-size")
	require.NoError(t, r.give(right))
	r.requireTip(right)
}
