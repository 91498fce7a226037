package poolfile_test

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/poolfile"
)

const (
	maturity = 100
	hour     = 60 * 60
)

// life is one of a node's lives: a chain of which two coinbases may be spent, and an
// empty mempool.
type life struct {
	*poolfile.Files
	t     *testing.T
	owner *chainstate.Owner
	tip   *chaintest.Spot
	now   int64
}

func live(t *testing.T, dir string, change func(*poolfile.Config)) *life {
	p := chaintest.Regtest(t)
	l := &life{t: t, tip: chaintest.Genesis(t, p).Extend(maturity+2, 0)}
	l.now = l.tip.Time() + 600
	disk := chaintest.OpenDisk(t, t.TempDir(), p)
	t.Cleanup(func() { disk.Close(t) })
	policy := mempool.DefaultConfig()
	policy.RequireStandard = false // the transactions are anyone's
	var err error
	log := slog.New(slog.DiscardHandler)
	l.owner, err = chainstate.Open(chainstate.Config{
		Chain: disk.Config(p), Mempool: policy, Now: func() int64 { return l.now }, Observe: l.observe, Log: log,
	})
	require.NoError(t, err)
	for _, spot := range l.tip.Path() {
		_, err := l.owner.ProcessBlock(t.Context(), spot.Block, true)
		require.NoError(t, err)
	}
	cfg := poolfile.Config{Dir: dir, Owner: l.owner, Expiry: 336 * hour, Log: log}
	if change != nil {
		change(&cfg)
	}
	l.Files = poolfile.New(cfg)
	return l
}

func (l *life) observe(ev chainstate.Event) {
	switch ev := ev.(type) {
	case chainstate.TxAdded:
		l.Added(ev.Entry)
	case chainstate.TxRemoved:
		l.Removed(ev.Entry)
	}
}

// pay spends a coinbase, and returns a child of that, too.
func (l *life) pay(coinbase int32) (parent, child *consensus.Tx) {
	parent = chaintest.Spend([]wire.OutPoint{l.tip.Coinbase(coinbase)}, 1_000_000, 1000, 1000)
	return parent, chaintest.Spend([]wire.OutPoint{{Hash: parent.ID}}, 900_000, 1000, 1000)
}

func (l *life) send(txs ...*consensus.Tx) {
	for _, tx := range txs {
		require.NoError(l.t, l.owner.Broadcast(l.t.Context(), tx, 0))
	}
}

func (l *life) prioritise(tx *consensus.Tx, delta int64) {
	require.NoError(l.t, l.owner.Do(l.t.Context(), func(s *chainstate.State) error { s.Pool.Prioritise(tx.ID, delta); return nil }))
}

func TestTheNextLifeHasTheMempool(t *testing.T) {
	for _, plain := range []bool{false, true} {
		dir := t.TempDir()
		first := live(t, dir, func(c *poolfile.Config) { c.Plain = plain })
		require.ErrorIs(t, first.Save(t.Context(), nil), poolfile.ErrNotLoaded, "what is there is not lost")
		require.NoError(t, first.Load(t.Context()))
		require.True(t, first.Loaded())
		parent, child := first.pay(1)
		other, unsent := first.pay(2)
		first.send(parent, child, other)
		first.owner.Pool().Heard(parent.ID)
		first.prioritise(child, 77)
		first.prioritise(unsent, -5)
		require.NoError(t, first.Save(t.Context(), nil))
		require.NoFileExists(t, first.Path()+".new")

		second := live(t, dir, nil)
		second.now += hour
		require.NoError(t, second.Load(t.Context()))
		pool := second.owner.Pool()
		require.Equal(t, 3, pool.Figures().Count)
		require.Equal(t, first.owner.Pool().Priorities(), pool.Priorities())
		require.ElementsMatch(t, first.owner.Pool().Unheard(), pool.Unheard())
		require.Equal(t, first.now, pool.Get(child.ID).Time)

		// Much later they have expired.
		third := live(t, dir, nil)
		third.now += 337 * hour
		require.NoError(t, third.Load(t.Context()))
		require.Zero(t, third.owner.Pool().Figures().Count)
	}
}

// Without a file, with one that cannot be opened or read, the node goes on.
func TestANodeGoesOnWithoutTheFile(t *testing.T) {
	dir := t.TempDir()
	l := live(t, dir, nil)
	require.NoError(t, os.WriteFile(l.Path(), []byte("no mempool"), 0o600))
	require.NoError(t, l.Load(t.Context()))
	require.True(t, l.Loaded())
	l = live(t, filepath.Join(dir, "none"), nil)
	require.NoError(t, l.Load(t.Context()))
	require.ErrorIs(t, l.Save(t.Context(), nil), fs.ErrNotExist)

	dir = t.TempDir()
	l = live(t, dir, nil)
	l.LoadNothing()
	parent, child := l.pay(1)
	l.send(parent, child)
	require.NoError(t, l.Save(t.Context(), nil))
	whole, err := os.ReadFile(l.Path())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(l.Path(), whole[:len(whole)-40], 0o600))
	l = live(t, dir, nil)
	require.NoError(t, l.Load(t.Context()))
	require.NotZero(t, l.owner.Pool().Figures().Count, "what comes before the damage is taken in")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	l = live(t, dir, nil)
	require.ErrorIs(t, l.Load(ended), context.Canceled)
	require.False(t, l.Loaded(), "a stop in between leaves the file as it is")
}

// Of a file of someone else the transactions are taken over, the rest if that is
// wanted.
func TestImport(t *testing.T) {
	dir := t.TempDir()
	from := live(t, dir, nil)
	from.LoadNothing()
	parent, child := from.pay(1)
	from.send(parent, child)
	from.prioritise(child, 77)
	target := filepath.Join(dir, "elsewhere")
	require.NoError(t, from.Save(t.Context(), func(context.Context) (*os.File, error) { return os.Create(target) }))
	require.NoFileExists(t, from.Path())

	for _, use := range []poolfile.Import{{}, {Times: true, Deltas: true, Unheard: true}} {
		to := live(t, t.TempDir(), nil)
		to.now += hour
		to.send(parent)
		to.owner.Pool().Heard(parent.ID)
		to.prioritise(child, 1)
		file, err := os.Open(target)
		require.NoError(t, err)
		require.NoError(t, to.Import(t.Context(), file, use))
		require.NoError(t, file.Close())
		pool := to.owner.Pool()
		require.Equal(t, 2, pool.Figures().Count)
		delta, unheard, entered := int64(1), 0, to.now
		if use.Deltas {
			delta, unheard, entered = 78, 2, from.now
		}
		require.Equal(t, delta, pool.Priorities()[child.ID])
		require.Len(t, pool.Unheard(), unheard)
		require.Equal(t, entered, pool.Get(child.ID).Time)
	}
}

// What came and left is in the journal of a node that dies, whenever that is.
func TestTheNextLifeHasTheMempoolOfADeadNode(t *testing.T) {
	dir := t.TempDir()
	journalled := func(c *poolfile.Config) { c.Journal = filepath.Join(dir, "journal") }
	first := live(t, dir, journalled)
	parent, child := first.pay(1)
	require.NoError(t, first.Load(t.Context()))
	first.Follow()
	first.send(parent, child)
	first.owner.Pool().Heard(parent.ID)
	first.Follow()

	second := live(t, dir, journalled)
	require.NoError(t, second.Load(t.Context()))
	pool := second.owner.Pool()
	require.Equal(t, 2, pool.Figures().Count)
	require.Contains(t, pool.Unheard(), child.ID)
	require.Equal(t, first.now, pool.Get(child.ID).Time)
	// It dies before it has written anything, and another after a block and when the
	// journal was made anew.
	third := live(t, dir, journalled)
	require.NoError(t, third.Load(t.Context()))
	require.Equal(t, 2, third.owner.Pool().Figures().Count)
	third.Follow()
	block := third.tip.Next(parent)
	_, err := third.owner.ProcessBlock(t.Context(), block.Block, true)
	require.NoError(t, err)
	third.Bulk()
	third.Follow()
	other, _ := third.pay(2)
	third.send(other)
	third.Follow()

	fourth := live(t, dir, journalled)
	_, err = fourth.owner.ProcessBlock(t.Context(), block.Block, true)
	require.NoError(t, err)
	require.NoError(t, fourth.Load(t.Context()))
	pool = fourth.owner.Pool()
	require.Equal(t, 2, pool.Figures().Count)
	require.NotNil(t, pool.Get(child.ID))
	require.NotNil(t, pool.Get(other.ID))

	// One that ends in order has all in mempool.dat.
	require.NoError(t, fourth.Save(t.Context(), nil))
	require.NoError(t, fourth.Close())
	require.NoError(t, poolfile.Forget(filepath.Join(dir, "journal")))
	require.NoError(t, poolfile.Forget(filepath.Join(dir, "journal")))
	fifth := live(t, dir, journalled)
	_, err = fifth.owner.ProcessBlock(t.Context(), block.Block, true)
	require.NoError(t, err)
	require.NoError(t, fifth.Load(t.Context()))
	require.Equal(t, 2, fifth.owner.Pool().Figures().Count)
}

// A node that dies before it has read mempool.dat has it all the same.
func TestADeathWhileTheFileIsRead(t *testing.T) {
	dir := t.TempDir()
	journalled := func(c *poolfile.Config) { c.Journal = filepath.Join(dir, "journal") }
	first := live(t, dir, nil)
	first.LoadNothing()
	parent, child := first.pay(1)
	first.send(parent, child)
	first.prioritise(parent, 7)
	require.NoError(t, first.Save(t.Context(), nil))

	ended, cancel := context.WithCancel(t.Context())
	second := live(t, dir, journalled)
	cancel()
	require.ErrorIs(t, second.Load(ended), context.Canceled)
	other, _ := second.pay(2)
	second.send(other)
	second.Follow()

	for range 3 { // each of which dies before it has written what it has read
		third := live(t, dir, journalled)
		require.NoError(t, third.Load(t.Context()))
		require.Equal(t, 3, third.owner.Pool().Figures().Count)
		require.Equal(t, map[chainhash.Hash]int64{parent.ID: 7}, third.owner.Pool().Priorities())
	}
}

// What fees count more is kept as it is set, whether or not the transaction is there.
func TestPrioritiesOutliveADeath(t *testing.T) {
	dir := t.TempDir()
	journalled := func(c *poolfile.Config) { c.Journal = filepath.Join(dir, "journal") }
	first := live(t, dir, journalled)
	require.NoError(t, first.Load(t.Context()))
	parent, child := first.pay(1)
	other, _ := first.pay(2)
	first.prioritise(parent, 5)
	first.send(parent, child)
	first.Follow()
	first.prioritise(parent, -5)
	first.prioritise(child, 9)
	first.prioritise(other, 3)
	first.Follow()
	second := live(t, dir, journalled)
	require.NoError(t, second.Load(t.Context()))
	require.Equal(t, map[chainhash.Hash]int64{child.ID: 9, other.ID: 3}, second.owner.Pool().Priorities())
	second.Follow()
	third := live(t, dir, journalled)
	require.NoError(t, third.Load(t.Context()))
	require.Equal(t, second.owner.Pool().Priorities(), third.owner.Pool().Priorities())
}

// A file that another program has put there since, or a damaged journal, is not
// overlooked.
func TestANewerFileCounts(t *testing.T) {
	dir := t.TempDir()
	journalled := func(c *poolfile.Config) { c.Journal = filepath.Join(dir, "journal") }
	first := live(t, dir, journalled)
	require.NoError(t, first.Load(t.Context()))
	first.Follow()
	elsewhere := live(t, dir, nil)
	elsewhere.LoadNothing()
	parent, child := elsewhere.pay(1)
	elsewhere.send(parent, child)
	require.NoError(t, elsewhere.Save(t.Context(), nil))
	later := time.Now().Add(time.Hour)
	require.NoError(t, os.Chtimes(elsewhere.Path(), later, later))
	second := live(t, dir, journalled)
	require.NoError(t, second.Load(t.Context()))
	require.Equal(t, 2, second.owner.Pool().Figures().Count)

	second.Follow()
	require.NoError(t, os.Chtimes(elsewhere.Path(), time.Unix(1, 0), time.Unix(1, 0)))
	raw, err := os.ReadFile(filepath.Join(dir, "journal"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "journal"), raw[:20], 0o600))
	third := live(t, dir, journalled)
	require.NoError(t, third.Load(t.Context()))
	require.Equal(t, 2, third.owner.Pool().Figures().Count)
}

// Without room for a journal the node goes on.
func TestAJournalThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	l := live(t, dir, func(c *poolfile.Config) { c.Journal = filepath.Join(dir, "none", "journal") })
	require.NoError(t, l.Load(t.Context()))
	parent, child := l.pay(1)
	l.send(parent, child)
	l.Follow()
	require.True(t, l.Loaded())
	require.NoError(t, l.Close())
}
