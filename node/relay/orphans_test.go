package relay

import (
	"bytes"
	"context"
	"runtime"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/download"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/txrequest"
)

func (r *Relay) send(t *testing.T, peer int64, tx *consensus.Tx) p2p.SubmitReply {
	t.Helper()
	reply, err := r.submitTx(t.Context(), p2p.SubmitTxRequest{From: p2p.TxSource{Peer: peer, Preferred: true}, Frames: multipart.One(tx.Raw())})
	require.NoError(t, err)
	return reply
}

// want announces a transaction from a trusted peer and reports whether the peer is
// asked for it at once.
func (r *Relay) want(t *testing.T, peer int64, wtxid bool, hash chainhash.Hash) bool {
	t.Helper()
	req := p2p.WantTxsRequest{From: p2p.TxSource{Peer: peer, Preferred: true}}
	if wtxid {
		req.Wtxids = []chainhash.Hash{hash}
	} else {
		req.Txids = []chainhash.Hash{hash}
	}
	reply, err := r.wantTxs(t.Context(), req)
	require.NoError(t, err)
	asked := slices.Contains(append(reply.Txids, reply.Wtxids...), hash)
	require.NotEqual(t, asked, reply.Known[0] == 1)
	return asked
}

// asked returns the parents that a peer is asked for.
func (r *Relay) asked(t *testing.T, peer int64) []chainhash.Hash {
	t.Helper()
	r.cfg.Clock.SetMock(r.cfg.Clock.Now().Unix() + 10)
	reply, err := r.wantTxs(t.Context(), p2p.WantTxsRequest{From: p2p.TxSource{Peer: peer}})
	require.NoError(t, err)
	require.Empty(t, reply.Wtxids)
	return reply.Txids
}

// Transactions that came before their parents are in the mempool when those are.
func TestOrphansFollowTheirParents(t *testing.T) {
	r := newCompactRig(t)
	first, second, third := r.block.Txs[1], r.block.Txs[2], r.block.Txs[3]
	require.True(t, r.send(t, 1, third).Orphan)
	require.True(t, r.send(t, 2, second).Orphan)
	require.Len(t, r.Orphans(), 2)
	require.Equal(t, []chainhash.Hash{first.ID}, r.asked(t, 1), "who has the third transaction has the second one, too")
	require.Empty(t, r.asked(t, 2), "one at a time")
	require.False(t, r.want(t, 3, true, third.WitnessID), "it is here")
	require.Len(t, r.orphans.kept.Get(third.WitnessID).Peers, 1, "and so is what it waits for")
	require.True(t, r.send(t, 1, first).New)
	require.Empty(t, r.Orphans())
	for _, tx := range []*consensus.Tx{first, second, third} {
		require.NotNil(t, r.pool.Get(tx.ID))
	}
}

// A parent may also come in a block; what the block has, or conflicts with, is
// forgotten, and not asked for any more.
func TestOrphansAndBlocks(t *testing.T) {
	r := newCompactRig(t)
	first, second, third := r.block.Txs[1], r.block.Txs[2], r.block.Txs[3]
	require.True(t, r.send(t, 1, second).Orphan)
	require.True(t, r.send(t, 1, third).Orphan)
	block := r.tip.Next(first, second)
	r.extend(t, block)
	r.BlockConnected(block.Block, false)
	require.Len(t, r.Orphans(), 1)
	require.False(t, r.want(t, 1, false, first.ID))
	require.NoError(t, r.reconsider(t.Context()))
	require.Empty(t, r.Orphans())
	require.NotNil(t, r.pool.Get(third.ID))
	r.BlockDisconnected()
	require.True(t, r.want(t, 1, false, first.ID))
}

// What was refused is not asked for again before the next block, and neither are
// its children; but a transaction that came without its witness, or paid too
// little, says nothing about another of the same txid.
func TestRefusedTransactionsAreNotWanted(t *testing.T) {
	r := newCompactRig(t)
	coin := r.tip.Coinbase(1)
	require.Equal(t, "bad-txns-in-belowout", r.send(t, 1, chaintest.Spend([]wire.OutPoint{coin}, 1<<50, 1, 1)).Reject)
	bad := chaintest.Spend([]wire.OutPoint{coin}, 1<<50, 1, 1)
	require.False(t, r.want(t, 2, true, bad.WitnessID))
	child := chaintest.Spend([]wire.OutPoint{{Hash: bad.ID}}, 5, 5, 5)
	require.False(t, r.send(t, 1, child).Orphan)
	require.Empty(t, r.Orphans())

	cheap := chaintest.Spend([]wire.OutPoint{coin}, 50*consensus.Coin-2, 1, 1)
	require.Equal(t, "min relay fee not met", r.send(t, 1, cheap).Reject)
	require.False(t, r.want(t, 2, true, cheap.WitnessID))
	require.True(t, r.send(t, 1, chaintest.Spend([]wire.OutPoint{{Hash: cheap.ID}}, 5, 5, 5)).Orphan)

	r.BlockConnected(r.tip.Next().Block, false)
	require.True(t, r.want(t, 2, true, bad.WitnessID))

	for _, tt := range []struct {
		reject  *consensus.Reject
		refused bool
	}{
		{consensus.Rejectf(consensus.WitnessStripped, "mempool-script-verify-flag-failed (Witness program was passed an empty witness)", ""), false},
		{consensus.Rejectf(consensus.NotStandard, "mempool-script-verify-flag-failed (Script evaluated without error but finished with a false/empty top stack element)", ""), true},
		{consensus.Rejectf(consensus.NotStandard, "tx-size", ""), true},
		{consensus.Rejectf(consensus.InputsPolicy, "bad-txns-nonstandard-inputs", ""), true},
		{consensus.Rejectf(consensus.Conflict, "txn-already-in-mempool", ""), false},
	} {
		o := newOrphans()
		o.rejected(bad, tt.reject)
		require.Equal(t, tt.refused, o.refused.Has(bad.WitnessID), tt.reject)
	}
}

// Orphans go with the peers that brought them.
func TestOrphansGoWithTheirPeers(t *testing.T) {
	r := newCompactRig(t)
	require.True(t, r.send(t, 1, r.block.Txs[2]).Orphan)
	require.Contains(t, r.Workers(), "")
	_, err := r.release(t.Context(), p2p.ReleaseRequest{Peer: 1})
	require.NoError(t, err)
	require.Empty(t, r.Orphans())
	require.True(t, r.send(t, 1, r.block.Txs[2]).Orphan)
	r.WorkerGone("")
	require.Empty(t, r.Orphans())
}

// Naming an orphan costs a look at each of its parents once for a message, and never
// again once the peer is to be asked for them.
func TestParentsAreLookedUpOnce(t *testing.T) {
	r := newCompactRig(t)
	var in []wire.OutPoint
	for _, hash := range inventory(9)[:2400] {
		in = append(in, wire.OutPoint{Hash: hash})
	}
	orphan := chaintest.Spend(in, 1000)
	require.True(t, r.send(t, 1, orphan).Orphan)
	one, two := download.Holder{Peer: 1}, download.Holder{Peer: 2}
	lookedUp := func(h download.Holder) int {
		parents, kept := r.orphans.parentsFor(h, orphan.WitnessID)
		require.True(t, kept)
		return len(parents)
	}
	require.Zero(t, lookedUp(one))
	require.Equal(t, len(in), lookedUp(two))
	req := p2p.WantTxsRequest{From: p2p.TxSource{Peer: 2}, Wtxids: slices.Repeat([]chainhash.Hash{orphan.WitnessID}, p2p.MaxInventory)}
	reply, err := r.wantTxs(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, bytes.Repeat([]byte{0xff}, p2p.MaxInventory/8), reply.Known)
	require.Equal(t, len(in), r.Relay.txs.tracker.Count(two))
	require.Zero(t, lookedUp(two))

	named := map[chainhash.Hash]struct{}{}
	three := txSource(t.Context(), p2p.TxSource{Peer: 3})
	wtxid := txrequest.Name{Hash: orphan.WitnessID, Wtxid: true}
	now := r.cfg.Clock.Now()
	require.True(t, r.announced(three, wtxid, named, now))
	require.Contains(t, named, orphan.WitnessID)
	r.Relay.txs.forget(func(h download.Holder) bool { return h == three.Peer }, now)
	require.True(t, r.announced(three, wtxid, named, now))
	require.Zero(t, r.Relay.txs.tracker.Count(three.Peer), "it was looked up for this message")
}

// The parent comes in a block after the child was looked at, and before it is kept.
func TestAParentIsConfirmedBeforeItsChildIsKept(t *testing.T) {
	r := newCompactRig(t)
	first, second, third := r.block.Txs[1], r.block.Txs[2], r.block.Txs[3]
	block := r.tip.Next(first)
	r.extend(t, block)
	r.BlockConnected(block.Block, false)
	r.keepOrphan(t.Context(), second, txSource(t.Context(), p2p.TxSource{Peer: 1}), missingOf(second))
	r.keepOrphan(t.Context(), third, txSource(t.Context(), p2p.TxSource{Peer: 1}), missingOf(third))
	require.Equal(t, 1, r.dueOrphans())
	require.NoError(t, r.reconsider(t.Context()))
	require.NotNil(t, r.pool.Get(second.ID))
	require.NotNil(t, r.pool.Get(third.ID))
	require.Empty(t, r.Orphans())

	// One that spends what is not there waits on, and is looked at once.
	stray := chaintest.Spend([]wire.OutPoint{{Hash: first.ID, Index: 9}}, 1000, 1000)
	require.True(t, r.send(t, 1, stray).Orphan)
	require.Zero(t, r.dueOrphans())
	require.Len(t, r.Orphans(), 1)
}

// The peer that brought the parent goes while its child is looked at: the child is
// another peer's, and not lost.
func TestAnOrphanOutlivesTheCallOfAnotherPeer(t *testing.T) {
	r := newCompactRig(t)
	first, second := r.block.Txs[1], r.block.Txs[2]
	require.True(t, r.send(t, 1, second).Orphan)
	_, err := r.cfg.Owner.ProcessTx(t.Context(), first, mempool.Options{})
	require.NoError(t, err)
	r.orphans.accepted(first)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	err = r.cfg.Owner.DoAmidBlocks(t.Context(), func(*chainstate.State) error { // a block is being stored, say
		go func() { ended <- r.reconsider(ctx) }()
		for r.dueOrphans() > 0 {
			runtime.Gosched() // until it was taken
		}
		cancel()
		return <-ended
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, r.dueOrphans())
	<-r.orphansDue // Run sees to it
	require.NoError(t, r.reconsider(t.Context()))
	require.NotNil(t, r.pool.Get(second.ID))
	require.Empty(t, r.Orphans())

	require.True(t, r.send(t, 1, r.block.Txs[3]).New, "nothing was left")
	require.ErrorIs(t, r.reconsider(ctx), context.Canceled)
	<-r.orphansDue
}

func (r *Relay) dueOrphans() int {
	r.orphans.mu.Lock()
	defer r.orphans.mu.Unlock()
	return len(r.orphans.due)
}

// A child of two waits for the second when the first has come, and is not lost.
func TestAnOrphanOfTwoParentsWaitsForBoth(t *testing.T) {
	r := newCompactRig(t)
	first := chaintest.Spend([]wire.OutPoint{r.tip.Coinbase(1)}, 1_000_000, 1_000_000, 1000)
	left := chaintest.Spend([]wire.OutPoint{{Hash: first.ID}}, 900_000, 1000, 1000)
	right := chaintest.Spend([]wire.OutPoint{{Hash: first.ID, Index: 1}}, 900_000, 1000, 1000)
	child := chaintest.Spend([]wire.OutPoint{{Hash: left.ID}, {Hash: right.ID}}, 1_700_000, 1000, 1000)
	require.True(t, r.send(t, 1, child).Orphan)
	require.Len(t, r.asked(t, 1), 2)
	require.True(t, r.send(t, 2, first).New)
	require.True(t, r.send(t, 2, left).New)
	require.Len(t, r.Orphans(), 1)
	require.Equal(t, int64(1), r.Orphans()[0].Peers[0].Peer)
	require.True(t, r.send(t, 2, right).New)
	require.NotNil(t, r.pool.Get(child.ID))
	require.Empty(t, r.Orphans())
	require.Empty(t, r.orphans.due)
}
