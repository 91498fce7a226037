package relay

import (
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/download"
)

// A block that a user wants from a peer is that peer's to deliver, whoever had it to.
func TestABlockIsDemandedOfAPeer(t *testing.T) {
	r := newRelay(t)
	base := chaintest.Genesis(t, chaintest.Regtest(t))
	there, missing := base.Extend(2, 0), base.Extend(1, 1)
	r.extend(t, there)
	header := func(spot *chaintest.Spot) {
		reply, err := r.submitHeaders(t.Context(), p2p.SubmitHeadersRequest{Peer: 1, Trusted: true, Frames: multipart.One(spot.Block.Raw[:80])})
		require.NoError(t, err)
		require.Equal(t, 1, reply.New, reply.Reject)
	}
	header(missing)
	demand := func(hash chainhash.Hash, worker string, peer int64) string {
		reply, err := r.demandBlock(t.Context(), msg.DemandBlockRequest{Hash: hash, Worker: worker, Peer: peer})
		require.NoError(t, err)
		return reply.Refusal
	}
	require.Equal(t, "Block header missing", demand(chainhash.Hash{1}, "worker.1", 1))
	require.Equal(t, "Block already downloaded", demand(there.Hash, "worker.1", 1))
	reply, err := r.demandBlock(t.Context(), msg.DemandBlockRequest{Hash: missing.Hash, Refusal: "Peer does not exist"})
	require.NoError(t, err)
	require.Equal(t, "Peer does not exist", reply.Refusal)

	require.Empty(t, demand(missing.Hash, "worker.1", 1))
	require.Equal(t, "Already requested from this peer", demand(missing.Hash, "worker.1", 1))
	require.Empty(t, demand(missing.Hash, "worker.2", 2))
	owner, leased := r.downloads.leases.Holder(missing.Hash, time.Now())
	require.True(t, leased)
	require.Equal(t, download.Holder{Worker: "worker.2", Peer: 2}, owner)
	require.Zero(t, r.downloads.leases.Owed(download.Holder{Worker: "worker.1", Peer: 1}))

	r.cfg.Pruning = true
	ahead := there.Extend(1, 0)
	header(ahead)
	require.Contains(t, demand(ahead.Hash, "worker.1", 1), "In prune mode")
}
