package mempool_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/script"
)

// ledger is a UTXO set of outputs that anyone may spend.
type ledger map[wire.OutPoint]coins.Coin

func (l ledger) Get(op wire.OutPoint) (coins.Coin, bool, error) {
	coin, ok := l[op]
	return coin, ok, nil
}

const (
	now    = 1_700_000_000
	height = 1000
)

// anyone is a P2WSH script of OP_TRUE: standard, and spent by showing it.
var anyone = func() []byte {
	hash := chainhash.HashB([]byte{txscript.OP_TRUE})
	return append([]byte{0, 32}, hash...)
}

type rig struct {
	*mempool.Pool
	t      *testing.T
	coins  ledger
	events []string
}

func newRig(t *testing.T, change func(*mempool.Config)) *rig {
	r := &rig{t: t, coins: ledger{}}
	for i := range byte(50) {
		r.coins[fund(i)] = coins.Coin{Value: consensus.Coin, Script: anyone(), Height: 100}
	}
	cfg := mempool.DefaultConfig()
	cfg.Verifier = script.New(script.Config{})
	if change != nil {
		change(&cfg)
	}
	r.Pool = mempool.New(cfg)
	return r
}

// Accept is the pool's, whose events the rig keeps, as those of the next ones.
func (r *rig) Accept(tx *consensus.Tx, tip mempool.Tip, opts mempool.Options) (mempool.Result, error) {
	result, err := r.Pool.Accept(tx, tip, opts)
	r.hear(result.Events)
	return result, err
}

func (r *rig) BlockConnected(b *consensus.Block, now int64) { r.hear(r.Pool.BlockConnected(b, now)) }

func (r *rig) Reorg(txs []*consensus.Tx, confirmed map[chainhash.Hash]struct{}, tip mempool.Tip) {
	r.hear(r.Pool.Reorg(txs, confirmed, tip))
}

func (r *rig) Limit(now int64) { r.hear(r.Pool.Limit(now)) }

func (r *rig) hear(events []mempool.Event) {
	for _, ev := range events {
		switch ev := ev.(type) {
		case mempool.Added:
			r.events = append(r.events, fmt.Sprintf("A%d", ev.Sequence))
		case mempool.Removed:
			r.events = append(r.events, fmt.Sprintf("%s %d", ev.Reason, ev.Sequence))
		}
	}
}

func fund(i byte) wire.OutPoint { return wire.OutPoint{Hash: chainhash.Hash{i + 1}} }

func (r *rig) tip() mempool.Tip {
	return mempool.Tip{
		Coins: r.coins, Height: height, MedianTime: now - 3600, MedianTimeAt: func(int32) int64 { return now - 7200 },
		Flags: mempool.StandardFlags, Now: now,
	}
}

// pay spends outputs worth value to one output, leaving fee.
func pay(value, fee int64, from ...wire.OutPoint) *consensus.Tx {
	return payMany(value, fee, 1, from...)
}

func payMany(value, fee int64, outputs int, from ...wire.OutPoint) *consensus.Tx {
	tx := &wire.MsgTx{Version: 2}
	for _, op := range from {
		tx.TxIn = append(tx.TxIn, &wire.TxIn{
			PreviousOutPoint: op, Sequence: wire.MaxTxInSequenceNum, Witness: wire.TxWitness{{txscript.OP_TRUE}},
		})
	}
	for range outputs {
		tx.TxOut = append(tx.TxOut, &wire.TxOut{Value: (value - fee) / int64(outputs), PkScript: anyone()})
	}
	return consensus.NewTx(tx)
}

func out(tx *consensus.Tx, index uint32) wire.OutPoint {
	return wire.OutPoint{Hash: tx.ID, Index: index}
}

func (r *rig) accept(tx *consensus.Tx) {
	r.t.Helper()
	_, err := r.Accept(tx, r.tip(), mempool.Options{})
	require.NoError(r.t, err)
}

func (r *rig) refuse(tx *consensus.Tx, reason string) {
	r.t.Helper()
	before := r.Figures()
	_, err := r.Accept(tx, r.tip(), mempool.Options{})
	var reject *consensus.Reject
	require.ErrorAs(r.t, err, &reject)
	require.Equal(r.t, reason, reject.Reason)
	require.Equal(r.t, before.Count, r.Figures().Count)
}

func change(tx *consensus.Tx, fn func(*wire.MsgTx)) *consensus.Tx {
	msg := tx.Copy()
	fn(msg)
	return consensus.NewTx(msg)
}

func TestRefusals(t *testing.T) {
	r := newRig(t, func(cfg *mempool.Config) { cfg.DataCarrier = 1000 })
	good := pay(consensus.Coin, 1000, fund(0))
	r.coins[wire.OutPoint{Hash: chainhash.Hash{0xcb}}] = coins.Coin{Value: consensus.Coin, Script: anyone(), Height: height - 50, Coinbase: true}
	cases := map[string]*consensus.Tx{
		"version":                              change(good, func(tx *wire.MsgTx) { tx.Version = 4 }),
		"scriptpubkey":                         change(good, func(tx *wire.MsgTx) { tx.TxOut[0].PkScript = []byte{txscript.OP_TRUE} }),
		"min relay fee not met":                pay(consensus.Coin, 1, fund(0)),
		"bad-txns-in-belowout":                 pay(consensus.Coin, -1, fund(0)),
		"non-final":                            change(good, func(tx *wire.MsgTx) { tx.LockTime, tx.TxIn[0].Sequence = height+1, 0 }),
		"non-BIP68-final":                      change(good, func(tx *wire.MsgTx) { tx.TxIn[0].Sequence = 2000 }),
		"bad-txns-inputs-missingorspent":       pay(consensus.Coin, 1000, wire.OutPoint{Hash: chainhash.Hash{0xff}}),
		"bad-txns-premature-spend-of-coinbase": pay(consensus.Coin, 1000, wire.OutPoint{Hash: chainhash.Hash{0xcb}}),
		"bad-witness-nonstandard": change(good, func(tx *wire.MsgTx) {
			tx.TxIn[0].Witness = append(wire.TxWitness{make([]byte, 81)}, tx.TxIn[0].Witness...)
		}),
		"scriptsig-not-pushonly": change(good, func(tx *wire.MsgTx) { tx.TxIn[0].SignatureScript = []byte{txscript.OP_NOP} }),
		"mempool-script-verify-flag-failed (Witness program hash mismatch)": change(good, func(tx *wire.MsgTx) { tx.TxIn[0].Witness[0][0] = txscript.OP_2 }),
		"dust":        change(good, func(tx *wire.MsgTx) { tx.TxOut = append(tx.TxOut, &wire.TxOut{Value: 1, PkScript: anyone()}) }),
		"datacarrier": change(good, func(tx *wire.MsgTx) { tx.TxOut = append(tx.TxOut, data(900), data(200)) }),
		"tx-size":     change(good, func(tx *wire.MsgTx) { tx.TxOut = append(tx.TxOut, data(101_000)) }),
		"coinbase": change(good, func(tx *wire.MsgTx) {
			tx.TxIn[0].PreviousOutPoint = wire.OutPoint{Index: 1<<32 - 1}
			tx.TxIn[0].SignatureScript = []byte{1, 1}
		}),
	}
	for reason, tx := range cases {
		t.Run(reason, func(t *testing.T) {
			r.t = t
			r.refuse(tx, reason)
		})
	}
	r.t = t
	r.accept(good)
	r.refuse(good, "txn-already-in-mempool")
	r.refuse(change(good, func(tx *wire.MsgTx) { tx.TxIn[0].Witness = nil }), "txn-same-nonwitness-data-in-mempool")
	var missing *mempool.MissingError
	_, err := r.Accept(pay(consensus.Coin, 0, wire.OutPoint{Hash: chainhash.Hash{0xfe}}, fund(1)), r.tip(), mempool.Options{})
	require.ErrorAs(t, err, &missing)
	require.Equal(t, []chainhash.Hash{{0xfe}}, missing.Parents)
	require.ErrorIs(t, err, consensus.MissingInputs)
}

// That scripts fail may be for want of a witness that was taken away, but not where none
// is needed.
func TestAWitnessMayHaveBeenTakenAway(t *testing.T) {
	p2sh := func(redeem []byte) []byte {
		return slices.Concat([]byte{txscript.OP_HASH160, 20}, address.Hash160(redeem), []byte{txscript.OP_EQUAL})
	}
	push := func(script []byte) []byte { return append([]byte{byte(len(script))}, script...) }
	keyHash := append([]byte{txscript.OP_0, 20}, make([]byte, 20)...)
	legacy := slices.Concat([]byte{txscript.OP_DUP, txscript.OP_HASH160, 20}, make([]byte, 20), []byte{txscript.OP_EQUALVERIFY, txscript.OP_CHECKSIG})
	never := []byte{txscript.OP_0}
	anchor := []byte{txscript.OP_TRUE, 2, 0x4e, 0x73}
	for name, tt := range map[string]struct {
		spent, scriptSig, other []byte
		result                  consensus.Result
	}{
		"legacy":               {spent: legacy, result: consensus.NotStandard},
		"legacy in P2SH":       {spent: p2sh(never), scriptSig: push(never), result: consensus.NotStandard},
		"legacy and an anchor": {spent: legacy, other: anchor, result: consensus.NotStandard},
		"program":              {spent: keyHash, result: consensus.WitnessStripped},
		"program in P2SH":      {spent: p2sh(keyHash), scriptSig: push(keyHash), result: consensus.WitnessStripped},
		"legacy and a program": {spent: legacy, other: anyone(), result: consensus.WitnessStripped},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			r.coins[fund(0)] = coins.Coin{Value: coin, Script: tt.spent, Height: 1}
			r.coins[fund(1)] = coins.Coin{Value: coin, Script: tt.other, Height: 1}
			tx := change(pay(coin, 1000, fund(0), fund(1)), func(tx *wire.MsgTx) {
				tx.TxIn[0].Witness, tx.TxIn[1].Witness = nil, nil
				tx.TxIn[0].SignatureScript = tt.scriptSig
				if tt.other == nil {
					tx.TxIn = tx.TxIn[:1]
				}
			})
			_, err := r.Accept(tx, r.tip(), mempool.Options{})
			require.ErrorContains(t, err, "mempool-script-verify-flag-failed")
			require.ErrorIs(t, err, tt.result)
		})
	}
}

func data(size int) *wire.TxOut {
	script := append([]byte{txscript.OP_RETURN, txscript.OP_PUSHDATA4, byte(size), byte(size >> 8), byte(size >> 16), 0}, make([]byte, size)...)
	return &wire.TxOut{PkScript: script}
}

func TestReplacement(t *testing.T) {
	r := newRig(t, nil)
	parent := pay(consensus.Coin, 1000, fund(0))
	child := pay(consensus.Coin-1000, 1000, out(parent, 0))
	r.accept(parent)
	r.accept(child)
	r.refuse(pay(consensus.Coin, 1500, fund(0)), "insufficient fee")
	r.refuse(pay(consensus.Coin, 2001, fund(0)), "insufficient fee")
	r.refuse(pay(2*consensus.Coin-2000, 900_000, fund(0), out(child, 0)), "bad-txns-spends-conflicting-tx")
	r.events = nil
	replacement := pay(consensus.Coin, 2100, fund(0))
	result, err := r.Accept(replacement, r.tip(), mempool.Options{})
	require.NoError(t, err)
	require.Len(t, result.Replaced, 2)
	require.Equal(t, []string{"replaced 3", "replaced 4", "A5"}, r.events)
	require.Equal(t, 1, r.Figures().Count)
}

// More total fee at a much lower rate is worse for miners.
func TestReplacementMustImproveDiagram(t *testing.T) {
	r := newRig(t, nil)
	r.accept(pay(consensus.Coin, 10_000, fund(0)))
	r.refuse(payMany(consensus.Coin, 40_000, 1000, fund(0)), "replacement-failed")
}

func TestClusterLimit(t *testing.T) {
	r := newRig(t, func(cfg *mempool.Config) { cfg.ClusterCount = 3 })
	a := payMany(consensus.Coin, 1000, 5, fund(0))
	r.accept(a)
	share := a.TxOut[0].Value
	r.accept(pay(share, 1000, out(a, 0)))
	r.accept(pay(share, 1000, out(a, 1)))
	r.refuse(pay(share, 1000, out(a, 2)), "too-large-cluster")
	r.accept(pay(consensus.Coin, 1000, fund(1)))
}

func TestFiguresOfRelatives(t *testing.T) {
	r := newRig(t, nil)
	a := payMany(consensus.Coin, 1000, 2, fund(0))
	b := pay(a.TxOut[0].Value, 2000, out(a, 0))
	c := pay(a.TxOut[1].Value+b.TxOut[0].Value, 4000, out(a, 1), out(b, 0))
	for _, tx := range []*consensus.Tx{a, b, c} {
		r.accept(tx)
	}
	d, ok := r.Details(c.ID)
	require.True(t, ok)
	require.Equal(t, 3, d.AncestorCount)
	require.Equal(t, int64(7000), d.AncestorFees)
	d, _ = r.Details(a.ID)
	require.Equal(t, 3, d.DescendantCount)
	require.Equal(t, int64(7000), d.ChunkFee)
	r.Prioritise(c.ID, 500)
	d, _ = r.Details(a.ID)
	require.Equal(t, int64(7500), d.DescendantFees)
}

func TestBlockAndReorg(t *testing.T) {
	r := newRig(t, nil)
	a := pay(consensus.Coin, 1000, fund(0))
	b := pay(consensus.Coin-1000, 1000, out(a, 0))
	loser := pay(consensus.Coin, 1000, fund(1))
	for _, tx := range []*consensus.Tx{a, b, loser} {
		r.accept(tx)
	}
	winner := pay(consensus.Coin, 1, fund(1))
	coinbase := change(a, func(tx *wire.MsgTx) { tx.TxIn[0].PreviousOutPoint = wire.OutPoint{Index: 1<<32 - 1} })
	r.events = nil
	r.BlockConnected(&consensus.Block{Txs: []*consensus.Tx{coinbase, a, winner}}, now)
	require.Equal(t, []string{"block 4", "conflict 5"}, r.events)
	require.Equal(t, 1, r.Figures().Count)

	// The block goes; what it held comes back, though it pays too little now.
	r.events = nil
	r.Reorg([]*consensus.Tx{coinbase, a, winner}, nil, r.tip())
	require.Equal(t, []string{"A6", "A7"}, r.events)
	d, ok := r.Details(b.ID)
	require.True(t, ok)
	require.Equal(t, 2, d.AncestorCount)

	// The chain that comes does not have the output that a spends.
	delete(r.coins, fund(0))
	r.events = nil
	r.Reorg(nil, nil, r.tip())
	require.Equal(t, []string{"reorg 8", "reorg 9"}, r.events)
}

// What comes back from a block obeys the cluster limit, with what spends it.
func TestReorgObeysTheClusterLimit(t *testing.T) {
	r := newRig(t, func(cfg *mempool.Config) { cfg.ClusterCount = 2 })
	chain := []*consensus.Tx{pay(consensus.Coin, 1000, fund(0))}
	for i := range 3 {
		chain = append(chain, pay(consensus.Coin-int64(i+1)*1000, 1000, out(chain[i], 0)))
	}
	r.Reorg(chain, nil, r.tip())
	require.Equal(t, 2, r.Figures().Count)
	require.NotNil(t, r.Get(chain[1].ID))
	require.Zero(t, r.Get(chain[0].ID).Sequence)
}

func TestEvictionRaisesFloor(t *testing.T) {
	r := newRig(t, func(cfg *mempool.Config) { cfg.MaxBytes = 8000 })
	for i := range byte(40) {
		_, err := r.Accept(pay(consensus.Coin, 1000+int64(i)*100, fund(i)), r.tip(), mempool.Options{})
		if err != nil {
			require.ErrorContains(t, err, "mempool")
		}
	}
	require.LessOrEqual(t, r.Figures().Usage, int64(8000))
	require.Greater(t, r.MinRate(now), mempool.Rate(1000))
	r.refuse(pay(consensus.Coin, 500, fund(45)), "mempool min fee not met")
	r.BlockConnected(&consensus.Block{}, now)
	require.Less(t, r.MinRate(now+7*24*60*60), mempool.Rate(1000))
}

// Who looks at all transactions finds those of the pool, whatever came and went.
func TestEachTransactionIsFound(t *testing.T) {
	r := newRig(t, nil)
	var txs []*consensus.Tx
	for i := range byte(10) {
		txs = append(txs, pay(consensus.Coin, 1000, fund(i)))
		r.accept(txs[i])
	}
	for _, gone := range [][]*consensus.Tx{nil, {txs[9], txs[0]}, {txs[4], txs[8], txs[1]}, {txs[2], txs[3], txs[5], txs[6], txs[7]}} {
		r.BlockConnected(&consensus.Block{Txs: append([]*consensus.Tx{pay(1, 1, wire.OutPoint{Index: 1<<32 - 1})}, gone...)}, now)
		found := map[chainhash.Hash]chainhash.Hash{}
		require.True(t, r.EachTx(func(wtxid *chainhash.Hash, tx *consensus.Tx) bool {
			found[*wtxid] = tx.ID
			return true
		}))
		want := map[chainhash.Hash]chainhash.Hash{}
		entries, _ := r.Entries()
		for _, e := range entries {
			want[e.Tx.WitnessID] = e.Tx.ID
		}
		require.Equal(t, want, found)
	}
	require.Zero(t, r.Figures().Count)
	r.accept(pay(consensus.Coin, 1000, fund(11)))
	require.False(t, r.EachTx(func(*chainhash.Hash, *consensus.Tx) bool { return false }))
}

// What our user has sent is noted until a peer asks for it, or it leaves the pool.
func TestWhatNoPeerHasAskedForIsNoted(t *testing.T) {
	r := newRig(t, nil)
	heard, mined, kept := pay(consensus.Coin, 1000, fund(0)), pay(consensus.Coin, 1000, fund(1)), pay(consensus.Coin, 1000, fund(2))
	for _, tx := range []*consensus.Tx{heard, mined} {
		_, err := r.Accept(tx, r.tip(), mempool.Options{Unheard: true})
		require.NoError(t, err)
	}
	r.accept(kept)
	require.Equal(t, 1, r.AddUnheard(kept.ID, chainhash.Hash{1}), "of those that are there")
	require.ElementsMatch(t, []chainhash.Hash{heard.ID, mined.ID, kept.ID}, r.Unheard())
	require.Equal(t, 3, r.Figures().Unheard)
	r.Heard(heard.ID)
	r.Heard(heard.ID)
	r.BlockConnected(&consensus.Block{Txs: []*consensus.Tx{pay(1, 1, wire.OutPoint{Index: 1<<32 - 1}), mined}}, now)
	require.Equal(t, []chainhash.Hash{kept.ID}, r.Unheard())
	d, _ := r.Details(kept.ID)
	require.True(t, d.Unheard)
	d, _ = r.Details(heard.ID)
	require.False(t, d.Unheard)
}

// A transaction may have entered another mempool before.
func TestTheTimeOfEntry(t *testing.T) {
	r := newRig(t, nil)
	early, late := pay(consensus.Coin, 1000, fund(0)), pay(consensus.Coin, 1000, fund(1))
	_, err := r.Accept(early, r.tip(), mempool.Options{Time: now - 1000})
	require.NoError(t, err)
	r.accept(late)
	require.Equal(t, int64(now-1000), r.Get(early.ID).Time)
	require.Equal(t, int64(now), r.Get(late.ID).Time)
}

func TestExpiry(t *testing.T) {
	r := newRig(t, nil)
	a := pay(consensus.Coin, 1000, fund(0))
	r.accept(a)
	r.accept(pay(consensus.Coin-1000, 1000, out(a, 0)))
	r.Limit(now + 336*60*60)
	require.Equal(t, 2, r.Figures().Count)
	r.Limit(now + 336*60*60 + 1)
	require.Zero(t, r.Figures().Count)
}

func TestTestAcceptChangesNothing(t *testing.T) {
	r := newRig(t, nil)
	a := pay(consensus.Coin, 1000, fund(0))
	result, err := r.Accept(a, r.tip(), mempool.Options{Test: true})
	require.NoError(t, err)
	require.Equal(t, int64(1000), result.Entry.Fee)
	require.Zero(t, r.Figures().Count)
	require.Empty(t, r.events)
}
