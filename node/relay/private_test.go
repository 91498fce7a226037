package relay

import (
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/privatebroadcast"
)

// privateRig is a node with -privatebroadcast, to which the manager has spoken.
type privateRig struct {
	*compactRig
	now time.Time
	tx  *consensus.Tx
}

func newPrivateRig(t *testing.T) *privateRig {
	r := &privateRig{compactRig: newCompactRig(t), now: time.Unix(1_700_000_000, 0)}
	r.cfg.Private = privatebroadcast.New(func() time.Time { return r.now })
	r.tx = chaintest.Spend([]wire.OutPoint{r.tip.Coinbase(1)}, 1_000_000, 1000, 1000)
	r.wanted(0)
	return r
}

func (r *privateRig) wanted(known int) int {
	r.t.Helper()
	reply, err := r.wantPrivate(r.t.Context(), msg.WantPrivateRequest{Known: known - 1, Reachable: true})
	require.NoError(r.t, err)
	return reply.Wanted
}

func (r *privateRig) take(peer int64) p2p.TakePrivateReply {
	r.t.Helper()
	reply, err := r.takePrivate(r.t.Context(), p2p.TakePrivateRequest{Peer: peer, Address: "onion"})
	require.NoError(r.t, err)
	return reply
}

// A transaction is sent to three peers and is not in the mempool before one of them, or
// another, has brought it.
func TestATransactionIsSentPrivately(t *testing.T) {
	r := newPrivateRig(t)
	require.False(t, r.take(9).Found)
	require.NoError(t, r.SendPrivately(t.Context(), r.tx, 0))
	require.NoError(t, r.SendPrivately(t.Context(), r.tx, 0), "again")
	require.Equal(t, 3, r.wanted(0))
	require.Nil(t, r.pool.Get(r.tx.ID))
	reply := r.take(1)
	require.True(t, reply.Found)
	require.Equal(t, r.tx.ID, reply.Txid)
	require.Equal(t, r.tx.Raw(), reply.First())
	require.False(t, r.take(1).Found, "one for each peer")
	require.Contains(t, r.Workers(), "")

	_, err := r.confirmPrivate(t.Context(), p2p.ConfirmPrivateRequest{Peer: 1})
	require.NoError(t, err)
	r.take(2)
	_, err = r.release(t.Context(), p2p.ReleaseRequest{Peer: 1})
	require.NoError(t, err)
	require.Equal(t, 1, r.wanted(0))
	r.WorkerGone("")
	require.Equal(t, 2, r.wanted(0), "the second has not confirmed it")

	require.True(t, r.send(t, 5, r.tx).New)
	require.NotNil(t, r.pool.Get(r.tx.ID))
	require.Empty(t, r.cfg.Private.Infos())
	require.Zero(t, r.wanted(0))
	require.NoError(t, r.SendPrivately(t.Context(), r.tx, 1), "what is in the mempool is sent again")
	require.Equal(t, 3, r.wanted(0))
}

func TestWhatIsNotSentPrivately(t *testing.T) {
	r := newPrivateRig(t)
	poor := chaintest.Spend([]wire.OutPoint{r.tip.Coinbase(1)}, 50*consensus.Coin, 1, 1)
	var reject *consensus.Reject
	require.ErrorAs(t, r.SendPrivately(t.Context(), poor, 0), &reject)
	require.ErrorAs(t, r.SendPrivately(t.Context(), r.tx, 1), &reject)
	require.Equal(t, mempool.MaxRateReason, reject.Reason)
	_, err := r.wantPrivate(t.Context(), msg.WantPrivateRequest{Known: -1})
	require.NoError(t, err)
	require.ErrorIs(t, r.SendPrivately(t.Context(), r.tx, 0), privatebroadcast.ErrNoWay)
	require.Empty(t, r.cfg.Private.Infos())
	_, err = r.takePrivate(t.Context(), p2p.TakePrivateRequest{Address: strings.Repeat("a", p2p.MaxPrivateAddress+1)})
	require.Error(t, err)
}

// What does not come back is sent to one more, unless it is worthless by then.
func TestWhatIsStaleIsSentAgain(t *testing.T) {
	r := newPrivateRig(t)
	require.NoError(t, r.SendPrivately(t.Context(), r.tx, 0))
	for peer := range int64(3) {
		r.take(peer)
	}
	require.NoError(t, r.sendAgain(t.Context()))
	require.Zero(t, r.wanted(0))
	r.now = r.now.Add(time.Hour)
	require.NoError(t, r.sendAgain(t.Context()))
	require.Equal(t, 1, r.wanted(0))

	rival := chaintest.Spend([]wire.OutPoint{r.tip.Coinbase(1)}, 10_000, 1, 1)
	require.True(t, r.send(t, 5, rival).New)
	require.NoError(t, r.sendAgain(t.Context()))
	require.Empty(t, r.cfg.Private.Infos())
}

// Without the option there is nothing to be had.
func TestNothingIsPrivateUnasked(t *testing.T) {
	r := &privateRig{compactRig: newCompactRig(t)}
	require.False(t, r.take(1).Found)
	require.Zero(t, r.wanted(0))
	_, err := r.confirmPrivate(t.Context(), p2p.ConfirmPrivateRequest{Peer: 1})
	require.NoError(t, err)
	r.SkipPrivately(t.Context(), time.Hour)
	require.Empty(t, r.Workers())
}
