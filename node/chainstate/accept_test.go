package chainstate_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// acceptRig is an Owner at block 110, whose first rewards may be spent.
type acceptRig struct {
	*chainstate.Owner
	t      *testing.T
	base   *chaintest.Spot
	events []string // of the mempool, by txid
}

func newAcceptRig(t *testing.T, change ...func(*mempool.Config)) *acceptRig {
	disk := chaintest.OpenDisk(t, t.TempDir(), chaintest.Regtest(t))
	t.Cleanup(func() { disk.Close(t) })
	r := &acceptRig{t: t, base: chaintest.Genesis(t, chaintest.Regtest(t)).Extend(110, 0)}
	late := r.base.Time() + 10*365*24*60*60 // in initial download, when blocks go through a pipeline
	r.Owner = open(t, disk, late, untouched, func(ev chainstate.Event) {
		switch ev := ev.(type) {
		case chainstate.TxAdded:
			r.events = append(r.events, "added "+ev.Entry.Tx.ID.String())
		case chainstate.TxRemoved:
			r.events = append(r.events, string(ev.Reason)+" "+ev.Entry.Tx.ID.String())
		}
	}, change...)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	process(t, r.Owner, r.base.Path())
	return r
}

const reward = 50 * consensus.Coin

// pay spends the reward of a block and leaves a fee.
func (r *acceptRig) pay(height int32, fee int64) *consensus.Tx {
	return chaintest.Spend([]wire.OutPoint{r.base.Coinbase(height)}, reward-consensus.Coin-fee, consensus.Coin)
}

// child spends the first output of a transaction.
func child(parent *consensus.Tx, fee int64) *consensus.Tx {
	return chaintest.Spend([]wire.OutPoint{{Hash: parent.ID}}, parent.TxOut[0].Value-consensus.Coin-fee, consensus.Coin)
}

// verified takes the steps of ProcessTx up to the last.
func (r *acceptRig) verified(tx *consensus.Tx) *mempool.Proposal {
	r.t.Helper()
	proposal, err := chainstate.Propose(r.Owner, tx, mempool.Options{})
	require.NoError(r.t, err)
	require.NoError(r.t, chainstate.Verify(r.Owner, r.t.Context(), proposal))
	return proposal
}

func (r *acceptRig) commit(proposal *mempool.Proposal) error {
	_, err := chainstate.Commit(r.Owner, r.t.Context(), proposal)
	return err
}

func (r *acceptRig) accept(tx *consensus.Tx) {
	r.t.Helper()
	_, err := r.ProcessTx(r.t.Context(), tx, mempool.Options{})
	require.NoError(r.t, err)
}

func reasonOf(err error) string {
	var reject *consensus.Reject
	if !errors.As(err, &reject) {
		return ""
	}
	return reject.Reason
}

// A block that spends the same coin comes while scripts run.
func TestABlockTakesTheCoinWhileScriptsRun(t *testing.T) {
	r := newAcceptRig(t)
	proposal := r.verified(r.pay(1, 10_000))
	process(t, r.Owner, []*chaintest.Spot{r.base.Next(r.pay(1, 20_000))})
	require.Equal(t, "bad-txns-inputs-missingorspent", reasonOf(r.commit(proposal)))

	same := r.verified(r.pay(2, 10_000))
	next := r.base.Next(r.pay(1, 20_000)) // the block that came, made again
	process(t, r.Owner, []*chaintest.Spot{next.Next(r.pay(2, 10_000))})
	require.Equal(t, "txn-already-known", reasonOf(r.commit(same)), "the block has the transaction itself")

	other := r.verified(r.pay(3, 10_000))
	process(t, r.Owner, []*chaintest.Spot{next.Next(r.pay(2, 10_000)).Next()})
	require.NoError(t, r.commit(other), "blocks that leave it alone do no harm")
	require.Len(t, r.events, 1)
}

// A parent leaves the mempool while the scripts of its child run.
func TestAParentLeavesWhileScriptsRun(t *testing.T) {
	r := newAcceptRig(t)
	parent := r.pay(1, 10_000)
	r.accept(parent)
	orphan := r.verified(child(parent, 10_000))
	r.accept(r.pay(1, 90_000))
	require.Nil(t, r.Pool().Get(parent.ID))
	require.Equal(t, "bad-txns-inputs-missingorspent", reasonOf(r.commit(orphan)))

	parent = r.pay(2, 10_000)
	r.accept(parent)
	tx := child(parent, 10_000)
	confirmed := r.verified(tx)
	process(t, r.Owner, []*chaintest.Spot{r.base.Next(parent)})
	require.NoError(t, r.commit(confirmed), "a block has the parent")
	details, ok := r.Pool().Details(tx.ID)
	require.True(t, ok)
	require.Equal(t, 1, details.AncestorCount)
}

// Of two transactions that spend the same, the second has to replace the first.
func TestConflictsMeetWhileScriptsRun(t *testing.T) {
	r := newAcceptRig(t)
	first, poor, rich := r.pay(1, 10_000), r.pay(1, 10_001), r.pay(1, 90_000)
	proposals := []*mempool.Proposal{r.verified(first), r.verified(poor), r.verified(rich), r.verified(first)}
	require.NoError(t, r.commit(proposals[0]))
	require.Equal(t, "insufficient fee", reasonOf(r.commit(proposals[1])))
	require.Equal(t, "txn-already-in-mempool", reasonOf(r.commit(proposals[3])))
	require.NoError(t, r.commit(proposals[2]))
	require.Equal(t, []string{"added " + first.ID.String(), "replaced " + first.ID.String(), "added " + rich.ID.String()}, r.events)
}

// The same transaction from many peers enters once; the others hear that it is there.
func TestTheSameTransactionFromManyCallers(t *testing.T) {
	r := newAcceptRig(t)
	tx := r.pay(1, 10_000)
	verdicts := make(chan error, 16)
	var callers sync.WaitGroup
	for range cap(verdicts) {
		callers.Go(func() {
			_, err := r.ProcessTx(t.Context(), tx, mempool.Options{})
			verdicts <- err
		})
	}
	callers.Wait()
	accepted := 0
	for range cap(verdicts) {
		if err := <-verdicts; err == nil {
			accepted++
		} else {
			require.Equal(t, "txn-already-in-mempool", reasonOf(err))
		}
	}
	require.Equal(t, 1, accepted)
	require.Equal(t, []string{"added " + tx.ID.String()}, r.events)
}

// Where what is spent changes for ever, or is not known in a long reorganisation, a
// package is accepted while nobody else has the state, with the same outcome.
func TestAPackageIsAcceptedInTurn(t *testing.T) {
	accept := map[string]func(*chainstate.Owner, context.Context, []*consensus.Tx, mempool.Options) (*mempool.Package, mempool.Result, error){
		"try": chainstate.TryPackage, "settle": chainstate.SettlePackage,
	}
	for name, accept := range accept {
		t.Run(name, func(t *testing.T) {
			r := newAcceptRig(t)
			parent := r.pay(1, 0)
			payer, poor := child(parent, 100_000), child(parent, 1)
			refused := func(opts mempool.Options, reason string, tx *consensus.Tx, txs ...*consensus.Tx) {
				_, _, err := accept(r.Owner, t.Context(), txs, opts)
				var failed *mempool.PackageError
				require.ErrorAs(t, err, &failed)
				require.Equal(t, reason, reasonOf(err))
				require.Same(t, tx, failed.Tx)
			}
			refused(mempool.Options{}, "min relay fee not met", poor, parent, poor)
			refused(mempool.Options{MaxRate: 1000}, mempool.MaxRateReason, payer, parent, payer)
			refused(mempool.Options{}, "package-contains-duplicates", nil, parent, parent)
			require.Empty(t, r.events)
			pkg, result, err := accept(r.Owner, t.Context(), []*consensus.Tx{parent, payer}, mempool.Options{})
			require.NoError(t, err)
			fee, _ := pkg.Paid()
			require.EqualValues(t, 100_000, fee)
			require.Same(t, r.Pool().Get(payer.ID), result.Entry)
			require.Equal(t, []string{"added " + parent.ID.String(), "added " + payer.ID.String()}, r.events)
		})
	}
	require.True(t, chainstate.Unsettled(chain.ErrFar))
	require.True(t, chainstate.Unsettled(mempool.ErrUnverified))
	require.False(t, chainstate.Unsettled(nil))
	require.False(t, chainstate.Unsettled(&mempool.PackageError{Err: consensus.Rejectf(consensus.Policy, "mempool full", "")}))
}

// What a package pays is told as it was accepted, while its priority changes.
func TestPrioritiesChangeWhileAPackageIsAccepted(t *testing.T) {
	r := newAcceptRig(t)
	for height := range int32(9) {
		parent := r.pay(height+1, 0)
		payer := child(parent, 100_000)
		added := make(chan struct{})
		var change sync.WaitGroup
		change.Go(func() {
			for more := true; more; {
				select {
				case <-added:
					more = false
				default:
				}
				assert.NoError(t, r.DoAmidBlocks(t.Context(), func(s *chainstate.State) error {
					s.Pool.Prioritise(payer.ID, 1)
					return nil
				}))
			}
		})
		outcomes, refused, err := r.ProcessPackage(t.Context(), []*consensus.Tx{parent, payer}, mempool.Options{})
		close(added)
		change.Wait()
		require.NoError(t, errors.Join(err, refused))
		require.GreaterOrEqual(t, outcomes[1].Fee, int64(100_000))
		require.Equal(t, outcomes[0].Entry.VSize+outcomes[1].Entry.VSize, outcomes[1].VSize)
	}
}

// underWay lets the scripts of a block run, below one that has run already, and
// returns the upper one.
func (r *acceptRig) underWay(txs ...*consensus.Tx) (n *chain.BlockNode) {
	r.t.Helper()
	slow := slowBlock(r.base)
	top := slow.Next(txs...)
	require.NoError(r.t, r.DoAmidBlocks(r.t.Context(), func(s *chainstate.State) error {
		for _, spot := range []*chaintest.Spot{slow.Parent, slow, top} {
			if _, _, err := s.Chain.AcceptBlock(spot.Block, true, s.Now()); err != nil {
				return err
			}
		}
		n = s.Chain.Lookup(top.Hash)
		return s.Advance()
	}))
	return n
}

// While scripts of a block run, transactions are judged by the chain that readers
// see. Nobody waits for the block: else it would always be there first.
func TestTransactionsWaitForNoBlock(t *testing.T) {
	for attempt := 0; ; attempt++ {
		require.Less(t, attempt, 20, "the block is always finished first")
		r := newAcceptRig(t)
		top := r.underWay(r.pay(3, 20_000))
		conflict, other := r.pay(3, 10_000), r.pay(2, 10_000)
		_, err := r.ProcessTx(t.Context(), conflict, mempool.Options{})
		first, again := r.Broadcast(t.Context(), other, 0), r.Broadcast(t.Context(), other, 0)
		waited := false
		require.NoError(t, r.DoAmidBlocks(t.Context(), func(s *chainstate.State) error {
			waited = s.Chain.Pending(top) == nil
			return nil
		}))
		require.NoError(t, r.Do(t.Context(), func(*chainstate.State) error { return nil }))
		if waited {
			continue
		}
		require.NoError(t, errors.Join(err, first, again))
		require.Equal(t, top, r.Chain().View().Tip())
		require.Nil(t, r.Pool().Get(conflict.ID), "the block spends the same")
		require.NotNil(t, r.Pool().Get(other.ID))
		return
	}
}

// What entered the mempool alone and had to leave it for want of room, when the package
// was through, is told like what never entered.
func TestAPackageThatIsEvicted(t *testing.T) {
	r := newAcceptRig(t, func(cfg *mempool.Config) { cfg.MaxBytes = 1 })
	tx := r.pay(1, 10_000)
	outcomes, refused, err := r.ProcessPackage(t.Context(), []*consensus.Tx{tx}, mempool.Options{})
	require.NoError(t, err)
	require.EqualError(t, refused, "transaction failed")
	require.EqualError(t, outcomes[0].Err, mempool.FullReason)
	require.Equal(t, []string{"added " + tx.ID.String(), "sizelimit " + tx.ID.String()}, r.events)
}
