package relay

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/download"
	"github.com/bulkheadnode/bulkhead/node/feed"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/txrequest"
)

const chainTime = 1_300_000_000

// newRelay returns a relay over an empty chain of regtest that is not on a bus.
func newRelay(t *testing.T) *Relay { return newRelayAt(t, func() int64 { return chainTime }) }

func newRelayAt(t *testing.T, now func() int64) *Relay {
	p := chaintest.Regtest(t)
	disk := chaintest.OpenDisk(t, t.TempDir(), p)
	t.Cleanup(func() { disk.Close(t) })
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	policy := mempool.DefaultConfig()
	policy.RequireStandard = false // the tests' transactions are anyone's
	owner, err := chainstate.Open(chainstate.Config{
		Chain: disk.Config(p), Mempool: policy, Now: now, Observe: func(chainstate.Event) {}, Log: log,
	})
	require.NoError(t, err)
	return New(Config{Owner: owner, Feed: feed.New(feed.Config{Log: log, TxRate: feed.DefaultTxRate, Clock: clock.New(0)}), Params: p, Loaded: func() bool { return true }, Clock: clock.New(0), Log: log})
}

func (r *Relay) extend(t *testing.T, tip *chaintest.Spot) {
	t.Helper()
	for _, spot := range tip.Path() {
		_, err := r.cfg.Owner.ProcessBlock(t.Context(), spot.Block, true)
		require.NoError(t, err)
	}
}

// A branch of some time ago is shown to peers until it is a month behind, in
// time or in work.
func TestOldBranchesAreNotShown(t *testing.T) {
	const month = 30 * 24 * 60 * 60 / 600 // blocks
	r := newRelay(t)
	genesis := chaintest.Genesis(t, chaintest.Regtest(t))
	branch := genesis.Extend(1, 'b')
	r.extend(t, branch)
	fetch := func() bool {
		reply, err := r.fetchBlock(t.Context(), p2p.FetchBlockRequest{Hash: branch.Hash})
		require.NoError(t, err)
		return reply.Found
	}
	header := func() p2p.HeadersReply {
		reply, err := r.findHeaders(t.Context(), p2p.FindHeadersRequest{Stop: branch.Hash})
		require.NoError(t, err)
		return reply
	}
	best := genesis.Extend(month, 0)
	r.extend(t, best)
	require.Less(t, best.Time()-branch.Time(), int64(maxBranchAge), "the test is about work")
	require.True(t, fetch())
	require.Equal(t, branch.Block.Raw[:80], header().Attached[0])
	r.extend(t, best.Extend(1, 0))
	require.False(t, fetch())
	require.Equal(t, p2p.HeadersReply{Ignore: true}, header(), "no answer, as if it were unknown")
}

// Whoever owes a block or a transaction is named, so that what it owes can be
// others' although nobody saw its end.
func TestWorkersThatOweSomethingAreNamed(t *testing.T) {
	r := newRelay(t)
	block, tx := chainhash.Hash{1}, chainhash.Hash{2}
	leaser, asked := download.Holder{Worker: "worker.1", Peer: 1}, download.Holder{Worker: "worker.2", Peer: 2}
	require.Len(t, r.downloads.grant(t.Context(), leaser, 1, func() []chainhash.Hash { return []chainhash.Hash{block} }), 1)
	r.txs.announce(txrequest.Source{Peer: asked}, txrequest.Name{Hash: tx}, time.Now())
	require.ElementsMatch(t, []string{"worker.1", "worker.2"}, r.Workers())
	for _, name := range r.Workers() {
		r.WorkerGone(name)
	}
	require.Empty(t, r.Workers())
	other := download.Holder{Worker: "worker.3", Peer: 3}
	require.Len(t, r.downloads.grant(t.Context(), other, 1, func() []chainhash.Hash { return []chainhash.Hash{block} }), 1)
}
