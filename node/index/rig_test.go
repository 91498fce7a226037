package index

import (
	"errors"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mining"
	"github.com/bulkheadnode/bulkhead/node/store"
)

const regtestNow = 1_300_000_000 + 10_000_000

// rig is a chain on regtest.
type rig struct {
	*chain.Engine
	t *testing.T
	p *consensus.Params
}

func newRig(t *testing.T) *rig {
	p := chaintest.Regtest(t)
	disk := chaintest.OpenDisk(t, t.TempDir(), p)
	t.Cleanup(func() { disk.Close(t) })
	e, err := chain.Open(disk.Config(p), regtestNow)
	require.NoError(t, err)
	return &rig{Engine: e, t: t, p: p}
}

func (r *rig) give(spots ...*chaintest.Spot) {
	r.t.Helper()
	for _, s := range spots {
		_, _, err := r.AcceptBlock(s.Block, true, regtestNow)
		require.NoError(r.t, err)
		require.NoError(r.t, chaintest.Activate(r.Engine, regtestNow, nil))
	}
}

func (r *rig) node(s *chaintest.Spot) *chain.BlockNode {
	r.t.Helper()
	at := r.Lookup(s.Hash)
	require.NotNil(r.t, at)
	return at
}

// forest is two branches with transactions in them; b is longer. The height of
// the base is 105.
type forest struct {
	base, a, b *chaintest.Spot
	both       *consensus.Tx // in both branches, at other places
	onlyA      *consensus.Tx
	onlyB      *consensus.Tx
}

func newForest(t *testing.T, p *consensus.Params) *forest {
	f := &forest{base: chaintest.Genesis(t, p).Extend(105, 0)}
	f.both = chaintest.Spend([]wire.OutPoint{f.base.Coinbase(1)}, 20*consensus.Coin, 30*consensus.Coin)
	f.onlyA = chaintest.Spend([]wire.OutPoint{{Hash: f.both.ID, Index: 1}, f.base.Coinbase(2)}, 5)
	f.onlyB = chaintest.Spend([]wire.OutPoint{{Hash: f.both.ID}, f.base.Coinbase(4)}, 1, 2, 3)
	// Outputs that are never spendable, an empty script, and a coinbase that
	// leaves a part of the subsidy out.
	odd := chaintest.Spend([]wire.OutPoint{f.base.Coinbase(3)}, 7, 8, 9).MsgTx.Copy()
	odd.TxOut[0].PkScript = []byte{txscript.OP_RETURN, 1, 2}
	odd.TxOut[1].PkScript = nil
	f.a = f.base.Next(f.both).Next(f.onlyA)
	f.b = f.base.Next(chaintest.Spend([]wire.OutPoint{f.base.Coinbase(2)}, 7), f.both).Next(f.onlyB, consensus.NewTx(odd))
	modest := f.b.Job()
	f.b = f.b.Put(underpaid(mining.Assemble(modest)))
	return f
}

// underpaid lets the coinbase claim one coin less.
func underpaid(b *consensus.Block) *consensus.Block {
	coinbase := b.Txs[0].MsgTx.Copy()
	coinbase.TxOut[0].Value -= consensus.Coin
	txs := append([]*consensus.Tx{consensus.NewTx(coinbase)}, b.Txs[1:]...)
	header := b.Header
	header.MerkleRoot, _ = consensus.MerkleRoot(txs)
	return consensus.NewBlock(header, txs)
}

// set is one index of each kind.
type set struct {
	filters  *Filters
	txs      *Transactions
	spenders *Spenders
	stats    *CoinStats
	all      []*Index
}

// stores are the databases of a set.
type stores [4]Store

func openStores(t *testing.T, dir string) (dbs stores) {
	t.Helper()
	for i, name := range []string{"filters", "txs", "spenders", "stats"} {
		db, err := store.Open(store.Config{Dir: dir + "/" + name})
		require.NoError(t, err)
		dbs[i] = db
	}
	return dbs
}

func (s stores) close(t *testing.T) {
	t.Helper()
	for _, db := range s {
		require.NoError(t, db.(*store.DB).Close())
	}
}

func newStores(t *testing.T) stores {
	dbs := openStores(t, t.TempDir())
	t.Cleanup(func() { dbs.close(t) })
	return dbs
}

func openSet(r *rig, dbs stores) (*set, error) {
	s := &set{}
	var errs [4]error
	salt := Salt{1, 2, 3}
	s.filters, errs[0] = OpenFilters(r, dbs[0])
	s.txs, errs[1] = OpenTransactions(r, dbs[1], salt)
	s.spenders, errs[2] = OpenSpenders(r, dbs[2], salt)
	s.stats, errs[3] = OpenCoinStats(r, dbs[3], r.p)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	s.all = []*Index{&s.filters.Index, &s.txs.Index, &s.spenders.Index, &s.stats.Index}
	return s, nil
}

func mustOpen(r *rig, dbs stores) *set {
	r.t.Helper()
	s, err := openSet(r, dbs)
	require.NoError(r.t, err)
	return s
}

// follow steps an index until there is nothing to add and returns how often.
func follow(t *testing.T, x *Index) (steps int) {
	t.Helper()
	for {
		moved, err := x.Step()
		require.NoError(t, err)
		if !moved {
			require.True(t, x.Synced())
			return steps
		}
		steps++
	}
}

func (s *set) follow(t *testing.T) {
	t.Helper()
	for _, x := range s.all {
		follow(t, x)
	}
}

// dump is everything that an index has written.
func dump(t *testing.T, db Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, kind := range []byte{keyPosition, keyBlock, keyPlace, keySalt} {
		require.NoError(t, db.Each([]byte{kind}, func(key, value []byte) error {
			all[string(key)] = string(value)
			return nil
		}))
	}
	require.NotEmpty(t, all)
	return all
}
