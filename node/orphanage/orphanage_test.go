package orphanage

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/download"
)

func peer(n int) download.Holder { return download.Holder{Worker: "worker.1", Peer: int64(n)} }

// spend makes a transaction of so many inputs, from outputs of a parent that is
// called by a number, and of about so many bytes.
func spend(parent int, inputs, bytes int) *consensus.Tx {
	tx := &wire.MsgTx{Version: 2, LockTime: uint32(parent)}
	for i := range inputs {
		tx.TxIn = append(tx.TxIn, &wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: chainhash.Hash{byte(parent), byte(parent >> 8), 1}, Index: uint32(i)}})
	}
	tx.TxOut = []*wire.TxOut{{PkScript: make([]byte, bytes)}}
	return consensus.NewTx(tx)
}

// consistent compares the sums with what is there.
func (o *Orphanage) consistent(t *testing.T) {
	t.Helper()
	weight, score, spends := 0, 0, 0
	shares := map[download.Holder]share{}
	for wtxid, orphan := range o.byWtxid {
		require.Equal(t, wtxid, orphan.Tx.WitnessID)
		require.NotEmpty(t, orphan.Peers)
		weight += orphan.Tx.Weight()
		spends += len(orphan.Tx.TxIn)
		for _, p := range orphan.Peers {
			s := shares[p]
			s.weight += orphan.Tx.Weight()
			s.score += orphan.score()
			score += orphan.score()
			shares[p] = s
			require.Contains(t, o.peers[p].order, orphan)
		}
	}
	require.Equal(t, weight, o.weight)
	require.Equal(t, score, o.score)
	require.Len(t, o.peers, len(shares))
	for p, s := range o.peers {
		require.Equal(t, shares[p].weight, s.weight)
		require.Equal(t, shares[p].score, s.score)
	}
	for _, set := range o.spends {
		require.NotEmpty(t, set)
		spends -= len(set)
	}
	require.Zero(t, spends)
	require.LessOrEqual(t, o.score, MaxScore)
	require.LessOrEqual(t, o.weight, PeerWeight*max(len(o.peers), 1))
}

// Whatever comes in whatever order, the bounds hold and the sums are right.
func TestBoundsHold(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	o := New()
	var txs []*consensus.Tx
	for i := range 400 {
		txs = append(txs, spend(i, 1+rng.IntN(150), 1+rng.IntN(90_000)))
	}
	for i := range 6000 {
		tx, p := txs[rng.IntN(len(txs))], peer(rng.IntN(7))
		switch rng.IntN(40) {
		case 0:
			o.Forget(func(h download.Holder) bool { return h == p })
			require.NotContains(t, o.Peers(), p)
		case 1:
			o.Erase(tx.WitnessID)
			require.Nil(t, o.Get(tx.WitnessID))
		case 2:
			o.BlockConnected(&consensus.Block{Txs: []*consensus.Tx{tx}})
			require.Nil(t, o.Get(tx.WitnessID))
		case 3, 4, 5:
			require.Equal(t, o.Get(tx.WitnessID) != nil, o.Announce(tx.WitnessID, p))
		default:
			o.Add(tx, p)
		}
		if i%50 == 0 {
			o.consistent(t)
		}
	}
	o.Forget(func(download.Holder) bool { return true })
	require.Zero(t, o.Len()+o.weight+o.score+len(o.spends)+len(o.peers))
}

// A flood of one peer costs no other what is within its share.
func TestAFloodDrivesOutNobody(t *testing.T) {
	o := New()
	var honest []*consensus.Tx
	for i := range 50 {
		honest = append(honest, spend(i, 2, 1000))
		require.True(t, o.Add(honest[i], peer(1)))
	}
	shared := honest[0]
	require.True(t, o.Announce(shared.WitnessID, peer(2)))
	for i := range 10_000 {
		o.Add(spend(1000+i, 1, 10), peer(2))
	}
	for i := range 50 {
		o.Add(spend(20_000+i, 1, 90_000), peer(2))
	}
	for _, tx := range honest {
		require.NotNil(t, o.Get(tx.WitnessID))
	}
	require.Equal(t, []download.Holder{peer(1)}, o.Get(shared.WitnessID).Peers, "what it announced first went first")
	o.consistent(t)
	require.False(t, o.Add(spend(1, 1, 150_000), peer(3)), "too large for anybody")
}

func TestChildrenAndConflicts(t *testing.T) {
	o := New()
	parent := consensus.NewTx(&wire.MsgTx{TxOut: []*wire.TxOut{{}, {}}})
	child := func(outputs ...uint32) *consensus.Tx {
		tx := &wire.MsgTx{}
		for _, i := range outputs {
			tx.TxIn = append(tx.TxIn, &wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: parent.ID, Index: i}})
		}
		return consensus.NewTx(tx)
	}
	both, second, none := child(0, 1), child(1), child(2)
	for _, tx := range []*consensus.Tx{both, second, none} {
		require.True(t, o.Add(tx, peer(1)))
		require.False(t, o.Add(tx, peer(2)), "it is there")
	}
	var ids []chainhash.Hash
	for _, orphan := range o.Children(parent) {
		ids = append(ids, orphan.Tx.ID)
	}
	require.Len(t, ids, 2)
	require.True(t, slices.Contains(ids, both.ID) && slices.Contains(ids, second.ID))
	of := o.ChildrenOf(parent, peer(2))
	require.Len(t, of, 2)
	require.Equal(t, second.ID, of[0].Tx.ID, "it came last")
	require.Empty(t, o.ChildrenOf(parent, peer(3)))
	o.BlockConnected(&consensus.Block{Txs: []*consensus.Tx{second}})
	require.Len(t, o.All(), 1, "the other one conflicts with it")
	require.False(t, o.Announce(both.WitnessID, peer(3)))
}
