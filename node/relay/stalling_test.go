package relay

import (
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/download"
)

// A peer that keeps the window from moving on goes after two seconds, the next one
// after four; as blocks come, the time is as before.
func TestStallersGo(t *testing.T) {
	first, second, waiting := download.Holder{Peer: 1}, download.Holder{Peer: 2}, download.Holder{Peer: 3}
	block := chainhash.Hash{1}
	d := newDownloads()
	lease := func(h download.Holder) {
		d.grant(t.Context(), h, 1, func() []chainhash.Hash { return []chainhash.Hash{block} })
	}
	at := func(now int64) stalled { return d.whoStalls(waiting, block, now) }
	require.Zero(t, at(100), "nobody owes it")
	lease(first)
	require.Zero(t, d.whoStalls(first, block, 100), "it waits for itself")
	require.Equal(t, stalled{peer: first, started: true, timeout: leastStall}, at(100))
	require.False(t, at(102).over)
	require.Equal(t, stalled{peer: first, over: true, timeout: 2 * leastStall}, at(103))
	d.peerGone(first)
	lease(second)
	require.True(t, at(103).started)
	require.False(t, at(107).over)
	d.delivered(second, block)
	lease(second)
	require.True(t, at(108).started, "it has brought one since")
	require.True(t, at(113).over)
	for range 20 {
		d.stalling.blame(first, 0)
		d.stalling.blame(first, 1000)
	}
	require.Equal(t, mostStall, d.stalling.timeout)
	steps := 0
	for changed := true; changed; steps++ {
		_, changed = d.relax()
	}
	require.Less(t, steps, 30)
	timeout, _ := d.relax()
	require.Equal(t, 2*time.Second, timeout)
}

// What a peer owed is offered to those who wait when it goes.
func TestThoseWhoWaitAreWoken(t *testing.T) {
	first, waiting := download.Holder{Worker: "worker.1", Peer: 1}, download.Holder{Worker: "worker.2", Peer: 2}
	d := newDownloads()
	lease := func() {
		d.grant(t.Context(), first, 1, func() []chainhash.Hash { return []chainhash.Hash{{1}} })
		d.waits(t.Context(), waiting, true)
	}
	lease()
	require.Equal(t, []download.Holder{waiting}, d.peerGone(first))
	require.Empty(t, d.peerGone(first), "nothing was owed any more")
	lease()
	require.Equal(t, []download.Holder{waiting}, d.workerGone("worker.1"))
	lease()
	d.waits(t.Context(), waiting, false)
	require.Empty(t, d.peerGone(first))
	lease()
	require.Empty(t, d.workerGone("worker.2"))
	require.Empty(t, d.waiting)
}

// A block that cannot be read ends the lease of who was to bring it, who goes;
// from others it is nothing.
func TestJunkDoesNotKeepALease(t *testing.T) {
	r := newRelay(t)
	spot := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(1, 0)
	junk := append(append([]byte{}, spot.Block.Raw[:80]...), 0xff, 1)
	require.Len(t, r.downloads.grant(t.Context(), download.Holder{Peer: 1}, 1, func() []chainhash.Hash { return []chainhash.Hash{spot.Hash} }), 1)
	submit := func(peer int64, requested bool) p2p.SubmitReply {
		reply, err := r.submitBlock(t.Context(), p2p.SubmitBlockRequest{Peer: peer, Requested: requested, Frames: multipart.One(junk)})
		require.NoError(t, err)
		require.True(t, reply.Malformed)
		require.Equal(t, "DataStream::read(): end of data", reply.Reject)
		return reply
	}
	require.False(t, submit(2, false).Misbehaving)
	require.True(t, r.downloads.leased(spot.Hash))
	require.True(t, submit(1, true).Misbehaving)
	require.False(t, r.downloads.leased(spot.Hash))
}
