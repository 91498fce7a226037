package relay

import (
	"context"
	"encoding/binary"
	"sync"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/download"
	"github.com/bulkheadnode/bulkhead/node/headersync"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// inventory returns as many hashes as a message may have, all of one peer alone.
func inventory(peer int64) []chainhash.Hash {
	all := make([]chainhash.Hash, p2p.MaxInventory)
	for i := range all {
		binary.LittleEndian.PutUint32(all[i][:], uint32(i))
		binary.LittleEndian.PutUint64(all[i][4:], uint64(peer))
	}
	return all
}

// A peer hangs up while the node looks at what it has announced: nobody would forget
// what is noted of it afterwards, and some hundred such peers would leave no room for
// what others announce.
func TestAnnouncementsGoWithTheirPeer(t *testing.T) {
	r := newCompactRig(t)
	for peer := range int64(20) {
		ctx, cancel := context.WithCancel(t.Context())
		var call sync.WaitGroup
		call.Go(func() {
			_, _ = r.wantTxs(ctx, p2p.WantTxsRequest{From: p2p.TxSource{Peer: peer}, WtxidRelay: true, Wtxids: inventory(peer)})
		})
		cancel()
		_, err := r.release(t.Context(), p2p.ReleaseRequest{Peer: peer})
		require.NoError(t, err)
		call.Wait()
		require.Zero(t, r.Relay.txs.tracker.Len())
		require.Empty(t, r.Workers())
	}
}

// missingOf is what the mempool says of a transaction whose first parent is missing.
func missingOf(tx *consensus.Tx) *mempool.MissingError {
	return &mempool.MissingError{Reject: consensus.Rejectf(consensus.MissingInputs, "bad-txns-inputs-missingorspent", ""), Parents: parentsOf(tx)}
}

// Whatever a call does that has ended, it leaves nothing behind.
func TestACallThatHasEndedLeavesNothingBehind(t *testing.T) {
	r := newCompactRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := download.Holder{Peer: 1}
	from := p2p.TxSource{Peer: 1, Preferred: true}
	_, err := r.wantTxs(ctx, p2p.WantTxsRequest{From: from, WtxidRelay: true, Txids: inventory(1)})
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, r.keepOrphan(ctx, r.block.Txs[2], txSource(ctx, from), missingOf(r.block.Txs[2])))
	r.downloads.waits(ctx, h, true)
	require.Empty(t, r.downloads.grant(ctx, h, 1, func() []chainhash.Hash { return []chainhash.Hash{{1}} }))
	first, ask := r.downloads.joinFlight(ctx, h, chainhash.Hash{1}, true, true)
	require.False(t, first || ask)
	added, _ := r.downloads.promote(ctx, source{holder: h})
	require.False(t, added)
	require.False(t, r.syncs.put(ctx, h, &headersync.Sync{}))
	require.False(t, r.lead.begin(ctx, h, true, leadPatience))
	require.Nil(t, r.lead.peer)
	require.Empty(t, r.lead.waiting)
	require.Empty(t, r.downloads.waiting)
	require.Empty(t, r.Workers())
}

// Who announced an orphan is asked for its parents when another peer sends it, unless
// it goes at that moment.
func TestOrphansAreOfPeersThatAreThere(t *testing.T) {
	r := newCompactRig(t)
	second := r.block.Txs[2]
	for range 50 {
		require.True(t, r.want(t, 1, true, second.WitnessID))
		r.announceOnly(t, 2, second.WitnessID)
		var both sync.WaitGroup
		both.Go(func() { _, _ = r.release(context.Background(), p2p.ReleaseRequest{Peer: 2}) })
		reply, err := r.submitTx(t.Context(), p2p.SubmitTxRequest{From: p2p.TxSource{Peer: 1, Preferred: true}, Frames: multipart.One(second.Raw())})
		both.Wait()
		require.NoError(t, err)
		require.True(t, reply.Orphan)
		require.Equal(t, []download.Holder{{Peer: 1}}, r.Orphans()[0].Peers)
		require.Zero(t, r.Relay.txs.tracker.Count(download.Holder{Peer: 2}))
		_, err = r.release(t.Context(), p2p.ReleaseRequest{Peer: 1})
		require.NoError(t, err)
		require.Empty(t, r.Orphans())
	}
}
