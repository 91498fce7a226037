package relay

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/download"
)

// offering asks for one peer in a goroutine of its own.
func (r *Relay) offering(t *testing.T, peer int64, hash chainhash.Hash) <-chan p2p.OfferBlockReply {
	replies := make(chan p2p.OfferBlockReply, 1)
	go func() {
		reply, err := r.offerBlock(t.Context(), p2p.OfferBlockRequest{Peer: peer, Hash: hash})
		if err == nil {
			replies <- reply
		}
		close(replies)
	}()
	return replies
}

// Of three peers that bring the same block one hands it over, and the others
// hear what became of it.
func TestOneCopyOfABlockIsWanted(t *testing.T) {
	r := newRelay(t)
	spot := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(1, 0)
	require.True(t, (<-r.offering(t, 1, spot.Hash)).Wanted)
	second, third := r.offering(t, 2, spot.Hash), r.offering(t, 3, spot.Hash)
	reply, err := r.submitBlock(t.Context(), p2p.SubmitBlockRequest{Peer: 1, Requested: true, Frames: multipart.One(spot.Block.Raw)})
	require.NoError(t, err)
	require.True(t, reply.New)
	for _, late := range []<-chan p2p.OfferBlockReply{second, third} {
		require.Equal(t, p2p.OfferBlockReply{Verdict: p2p.SubmitReply{Hash: spot.Hash}}, <-late)
	}
	require.Empty(t, r.downloads.coming)
}

// A copy that is not the block does not keep the right one away.
func TestAnotherCopyIsWantedAfterABadOne(t *testing.T) {
	r := newRelay(t)
	spot := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(1, 0)
	require.True(t, (<-r.offering(t, 1, spot.Hash)).Wanted)
	second := r.offering(t, 2, spot.Hash)
	bad := append([]byte{}, spot.Block.Raw...)
	bad[len(bad)-1] ^= 1 // lock time of the coinbase: another merkle root
	reply, err := r.submitBlock(t.Context(), p2p.SubmitBlockRequest{Peer: 1, Frames: multipart.One(bad)})
	require.NoError(t, err)
	require.True(t, reply.Mutated)
	require.True(t, (<-second).Wanted)
}

// Who offers a block and never brings it keeps it from nobody for long: neither
// by silence, nor by going.
func TestAnOfferIsNotAwaitedForEver(t *testing.T) {
	for name, end := range map[string]func(*Relay){
		"silent":      func(*Relay) {}, // time goes on when all wait
		"worker gone": func(r *Relay) { r.WorkerGone("worker.1") },
		"peer gone":   func(r *Relay) { r.downloads.peerGone(download.Holder{Worker: "worker.1", Peer: 1}) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRelay(t)
			synctest.Test(t, func(t *testing.T) {
				hash := chainhash.Hash{7}
				first := download.Holder{Worker: "worker.1", Peer: 1}
				require.Nil(t, r.downloads.offered(first, hash))
				second := r.offering(t, 2, hash)
				synctest.Wait()
				require.Empty(t, second)
				end(r)
				require.True(t, (<-second).Wanted)
			})
		})
	}
}

// Who gives up does not wait on.
func TestAnOfferEndsWithItsCaller(t *testing.T) {
	r := newRelay(t)
	hash := chainhash.Hash{7}
	require.Nil(t, r.downloads.offered(download.Holder{Worker: "worker.1"}, hash))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := r.offerBlock(ctx, p2p.OfferBlockRequest{Hash: hash})
	require.ErrorIs(t, err, context.Canceled)
}

// Who owes a block is not kept waiting by one who offers it, and nobody by itself;
// what cannot be read ends the wait, and the lease of who was to bring the block.
func TestAnOfferKeepsNobodyWaitingWhoOwesTheBlock(t *testing.T) {
	r := newRelay(t)
	spot := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(1, 0)
	require.Len(t, r.downloads.grant(download.Holder{Peer: 1}, 1, func() []chainhash.Hash { return []chainhash.Hash{spot.Hash} }), 1)
	require.True(t, (<-r.offering(t, 2, spot.Hash)).Wanted)
	require.True(t, (<-r.offering(t, 2, spot.Hash)).Wanted)
	require.True(t, (<-r.offering(t, 1, spot.Hash)).Wanted)
	junk := append(append([]byte{}, spot.Block.Raw[:80]...), 0xff, 1)
	for peer, requested := range map[int64]bool{2: false, 1: true} {
		reply, err := r.submitBlock(t.Context(), p2p.SubmitBlockRequest{Peer: peer, Requested: requested, Frames: multipart.One(junk)})
		require.NoError(t, err)
		require.Contains(t, reply.Reject, "malformed block")
		require.Equal(t, requested, reply.Misbehaving)
	}
	require.Empty(t, r.downloads.coming)
	require.False(t, r.downloads.leased(spot.Hash))
}
