package relay

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/download"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// family is a parent without a fee, and children that pay more and more.
func (r *compactRig) family(coinbase int32) (parent *consensus.Tx, children []*consensus.Tx) {
	const coin = 50 * consensus.Coin
	parent = chaintest.Spend([]wire.OutPoint{r.tip.Coinbase(coinbase)}, coin-2, 1, 1)
	for _, fee := range []int64{1, 5000, 50_000} {
		children = append(children, chaintest.Spend([]wire.OutPoint{{Hash: parent.ID}}, coin-4-fee, 1, 1))
	}
	return parent, children
}

// A child pays for its parent, whichever of them comes first.
func TestAChildPaysForItsParent(t *testing.T) {
	for name, order := range map[string][]int{"child first": {1, 0}, "parent first": {0, 1, 0}} {
		t.Run(name, func(t *testing.T) {
			r := newCompactRig(t)
			parent, children := r.family(1)
			pair := []*consensus.Tx{parent, children[1]}
			var last p2p.SubmitReply
			for _, i := range order {
				last = r.send(t, 1, pair[i])
				if i == 1 {
					require.True(t, last.Orphan)
					require.Equal(t, []chainhash.Hash{parent.ID}, r.asked(t, 1), "though it was refused")
				}
			}
			require.True(t, last.New)
			require.NotNil(t, r.pool.Get(parent.ID))
			require.NotNil(t, r.pool.Get(children[1].ID))
			require.Empty(t, r.Orphans())
		})
	}
}

// A child that pays too little for both is no obstacle to another one, and is not
// tried twice.
func TestOfTwoChildrenTheOneThatPaysIsTaken(t *testing.T) {
	r := newCompactRig(t)
	parent, children := r.family(1)
	require.Equal(t, "min relay fee not met", r.send(t, 1, parent).Reject)
	require.True(t, r.send(t, 1, children[0]).Orphan)
	require.False(t, r.send(t, 1, parent).New)
	require.Empty(t, r.Orphans())
	require.False(t, r.want(t, 2, true, children[0].WitnessID))
	require.False(t, r.send(t, 1, parent).New)

	require.True(t, r.send(t, 1, children[1]).Orphan)
	require.True(t, r.send(t, 1, children[2]).Orphan)
	require.True(t, r.send(t, 1, parent).New)
	require.NotNil(t, r.pool.Get(children[2].ID), "the later one, which pays more")
	require.Nil(t, r.pool.Get(children[1].ID))
}

func (r *compactRig) prioritise(t *testing.T, tx *consensus.Tx) {
	t.Helper()
	require.NoError(t, r.cfg.Owner.DoAmidBlocks(t.Context(), func(s *chainstate.State) error {
		s.Pool.Prioritise(tx.ID, consensus.Coin)
		return nil
	}))
}

// A parent is new if it came to the mempool, whatever became of its child; and not if
// it was there.
func TestAParentIsNewByItself(t *testing.T) {
	r := newCompactRig(t)
	parent, _ := r.family(1)
	greedy := chaintest.Spend([]wire.OutPoint{{Hash: parent.ID}}, 51*consensus.Coin, 1, 1)
	require.False(t, r.send(t, 1, parent).New)
	require.True(t, r.send(t, 1, greedy).Orphan)
	r.prioritise(t, parent)
	require.True(t, r.send(t, 1, parent).New)
	require.NotNil(t, r.pool.Get(parent.ID))
	require.False(t, r.want(t, 2, true, greedy.WitnessID), "it was refused")

	r = newCompactRig(t)
	parent, children := r.family(1)
	require.True(t, r.send(t, 1, children[1]).Orphan)
	r.prioritise(t, parent)
	_, err := r.cfg.Owner.ProcessTx(t.Context(), parent, mempool.Options{})
	require.NoError(t, err)
	var log bytes.Buffer
	r.cfg.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	added, err := r.offerWithChild(t.Context(), parent, download.Holder{Peer: 1})
	require.NoError(t, err)
	require.False(t, added)
	require.NotNil(t, r.pool.Get(children[1].ID))
	require.Contains(t, log.String(), "accepted "+children[1].ID.String())
	require.NotContains(t, log.String(), "accepted "+parent.ID.String())
	require.Empty(t, r.Orphans())
}

// A stranger's orphans are not tried with a parent that another peer sends.
func TestPackagesAreOfOnePeer(t *testing.T) {
	r := newCompactRig(t)
	parent, children := r.family(1)
	require.True(t, r.send(t, 1, children[1]).Orphan)
	require.False(t, r.send(t, 2, parent).New)
	require.Len(t, r.Orphans(), 1)
	require.False(t, r.want(t, 2, true, children[1].WitnessID), "it is here, and of that peer, too")
	require.True(t, r.send(t, 2, parent).New)
}

// Two parents that pay too little are one too many.
func TestAChildDoesNotPayForTwoParents(t *testing.T) {
	r := newCompactRig(t)
	r.extend(t, r.tip.Extend(1, 1))
	one, _ := r.family(1)
	two, _ := r.family(2)
	require.NotEmpty(t, r.send(t, 1, one).Reject)
	require.Equal(t, "min relay fee not met", r.send(t, 1, two).Reject)
	child := chaintest.Spend([]wire.OutPoint{{Hash: one.ID}, {Hash: two.ID}}, 99*consensus.Coin, 1, 1)
	require.False(t, r.send(t, 1, child).Orphan)
	require.Empty(t, r.Orphans())
	require.Empty(t, r.asked(t, 1))
	require.False(t, r.want(t, 2, true, child.WitnessID))
}

// Who announced an orphan beside its sender is asked for the parents, too, and in
// the end has its children tried.
func TestAllWhoAnnouncedAnOrphanAreAskedForItsParents(t *testing.T) {
	r := newCompactRig(t)
	second := r.block.Txs[2]
	require.True(t, r.want(t, 1, true, second.WitnessID))
	r.announceOnly(t, 2, second.WitnessID)
	require.True(t, r.send(t, 1, second).Orphan)
	require.Len(t, r.Orphans()[0].Peers, 2)
	require.Equal(t, []chainhash.Hash{r.block.Txs[1].ID}, r.asked(t, 1))
	require.Empty(t, r.asked(t, 2), "one at a time")
	r.cfg.Clock.SetMock(r.cfg.Clock.Now().Add(time.Minute).Unix())
	require.Equal(t, []chainhash.Hash{r.block.Txs[1].ID}, r.asked(t, 2), "the first one is late")
}

// announceOnly announces what another peer is asked for.
func (r *compactRig) announceOnly(t *testing.T, peer int64, wtxid chainhash.Hash) {
	t.Helper()
	reply, err := r.wantTxs(t.Context(), p2p.WantTxsRequest{From: p2p.TxSource{Peer: peer}, Wtxids: []chainhash.Hash{wtxid}})
	require.NoError(t, err)
	require.Empty(t, reply.Wtxids)
	require.NotZero(t, reply.Wait)
	require.Zero(t, reply.Known[0])
}

// What a peer has not got, or does not deliver, another one is asked for.
func TestTransactionsAreAskedOfOneAfterTheOther(t *testing.T) {
	r := newCompactRig(t)
	tx := r.block.Txs[1]
	require.True(t, r.want(t, 1, true, tx.WitnessID))
	r.announceOnly(t, 2, tx.WitnessID)
	r.announceOnly(t, 3, tx.WitnessID)
	r.cfg.Clock.SetMock(r.cfg.Clock.Now().Unix() + 5)
	come := func(peer int64, req p2p.WantTxsRequest) []chainhash.Hash {
		req.From = p2p.TxSource{Peer: peer}
		reply, err := r.wantTxs(t.Context(), req)
		require.NoError(t, err)
		return reply.Wtxids
	}
	require.Empty(t, come(2, p2p.WantTxsRequest{}))
	require.Empty(t, come(3, p2p.WantTxsRequest{}))
	require.Empty(t, come(1, p2p.WantTxsRequest{NotFound: []chainhash.Hash{tx.WitnessID}}))
	due := r.Relay.txs.due(r.cfg.Clock.Now())
	require.Len(t, due, 1)
	require.Equal(t, []chainhash.Hash{tx.WitnessID}, come(due[0].Peer, p2p.WantTxsRequest{}))
	_, err := r.release(t.Context(), p2p.ReleaseRequest{Peer: due[0].Peer})
	require.NoError(t, err)
	require.Equal(t, []chainhash.Hash{tx.WitnessID}, come(5-due[0].Peer, p2p.WantTxsRequest{}))
	require.True(t, r.send(t, 5-due[0].Peer, tx).New)
	require.Zero(t, r.Relay.txs.tracker.Len())

	_, err = r.wantTxs(t.Context(), p2p.WantTxsRequest{Txids: make([]chainhash.Hash, p2p.MaxInventory), NotFound: make([]chainhash.Hash, 1)})
	require.Error(t, err)
}
