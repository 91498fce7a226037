package privatebroadcast

import (
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/download"
)

// rig is a queue and its time.
type rig struct {
	*Queue
	t   *testing.T
	now time.Time
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, now: time.Unix(1_700_000_000, 0)}
	r.Queue = New(func() time.Time { return r.now })
	return r
}

func (r *rig) pick(n int) *consensus.Tx {
	r.now = r.now.Add(time.Second)
	return r.Pick(peer(n), "onion", func() bool { return false })
}

func (r *rig) gone(n int) { r.Gone(func(h download.Holder) bool { return h == peer(n) }) }

func peer(n int) download.Holder { return download.Holder{Worker: "worker.1", Peer: int64(n)} }

func tx(n int) *consensus.Tx {
	return &consensus.Tx{ID: chainhash.Hash{1, byte(n)}, WitnessID: chainhash.Hash{2, byte(n), byte(n >> 8)}}
}

func TestEachIsSentToThree(t *testing.T) {
	r := newRig(t)
	require.Nil(t, r.pick(0), "there is none")
	a, b := tx(1), tx(2)
	require.Equal(t, Added, r.Add(a))
	require.Equal(t, Present, r.Add(a))
	require.Equal(t, 3, r.wanted)
	require.Equal(t, a, r.pick(1))
	require.Nil(t, r.pick(1), "a peer is sent one only")
	require.Equal(t, Added, r.Add(b))
	require.Equal(t, 5, r.wanted)
	for n, want := range []*consensus.Tx{b, a, b, a, b} {
		require.Equal(t, want, r.pick(2+n))
	}
	require.Zero(t, r.wanted)
	require.Equal(t, a, r.pick(9), "who comes in vain is not sent away")
	require.Zero(t, r.wanted)
}

func TestWhoHangsUpIsReplaced(t *testing.T) {
	r := newRig(t)
	a := tx(1)
	r.Add(a)
	for n := range 3 {
		r.pick(n)
	}
	require.Equal(t, []string{"worker.1", "worker.1", "worker.1"}, r.Workers())
	r.Confirm(peer(0))
	r.Confirm(peer(7))
	r.gone(0)
	require.Zero(t, r.wanted, "it has it")
	r.gone(1)
	r.gone(1)
	require.Equal(t, 1, r.wanted)
	r.Remove(a)
	r.gone(2)
	require.Zero(t, r.wanted, "it is not wanted any more")
	require.False(t, r.Remove(a))
	require.Empty(t, r.Workers())
}

func TestStale(t *testing.T) {
	r := newRig(t)
	a, b := tx(1), tx(2)
	r.Add(a)
	r.Add(b)
	r.pick(0)
	r.Confirm(peer(0))
	require.Empty(t, r.Stale())
	r.now = r.now.Add(sentStale + 1)
	require.Equal(t, []*consensus.Tx{a}, r.Stale())
	r.now = r.now.Add(unsentStale)
	require.Equal(t, []*consensus.Tx{a, b}, r.Stale())
	r.pick(1)
	r.pick(2)
	r.pick(3)
	r.pick(4)
	r.pick(5)
	require.Zero(t, r.wanted)
	r.Again(a)
	r.Again(a)
	r.Again(tx(3))
	require.Equal(t, 1, r.wanted)
	require.Equal(t, a, r.pick(6))
}

func TestAttemptsAreBounded(t *testing.T) {
	r := newRig(t)
	a := tx(1)
	r.Add(a)
	for n := range MaxAttempts {
		require.NotNil(t, r.pick(n))
		r.gone(n)
	}
	require.Nil(t, r.pick(-1))
	require.Zero(t, r.wanted)
	r.now = r.now.Add(time.Hour)
	require.Empty(t, r.Stale())
	require.Zero(t, r.Infos()[0].Left)
	require.Equal(t, Added, r.Add(a), "it begins anew")
	require.Equal(t, []Info{{Tx: a, Since: r.now, Left: MaxAttempts}}, r.Infos())
	require.Equal(t, 3, r.wanted)
}

func TestWhoSendsIsBounded(t *testing.T) {
	r := newRig(t)
	r.Add(tx(1))
	for n := range maxOpen {
		require.NotNil(t, r.pick(n))
	}
	require.Nil(t, r.pick(-1))
	r.gone(0)
	require.Nil(t, r.Pick(peer(-1), "", func() bool { return true }), "nobody would tell of its end")
}

func TestTheQueueIsBounded(t *testing.T) {
	r := newRig(t)
	for n := range MaxTxs {
		require.Equal(t, Added, r.Add(tx(n)))
	}
	require.Equal(t, Full, r.Add(tx(MaxTxs)))
	require.Equal(t, Present, r.Add(tx(0)))
	require.Equal(t, []*consensus.Tx{tx(1)}, r.Abort(tx(1).WitnessID))
	require.Equal(t, Added, r.Add(tx(MaxTxs)))
}

func TestAbortByEitherName(t *testing.T) {
	r := newRig(t)
	a, twin := tx(1), &consensus.Tx{ID: tx(1).ID, WitnessID: chainhash.Hash{9}}
	r.Add(a)
	r.Add(twin)
	r.pick(0)
	r.Confirm(peer(0))
	require.Equal(t, []Info{
		{Tx: a, Since: r.now.Add(-time.Second), Left: MaxAttempts - 1, Sent: []Sent{{"onion", r.now, r.now}}},
		{Tx: twin, Since: r.now.Add(-time.Second), Left: MaxAttempts},
	}, r.Infos())
	require.Empty(t, r.Abort(chainhash.Hash{8}))
	require.Equal(t, []*consensus.Tx{a, twin}, r.Abort(a.ID))
	require.Zero(t, r.wanted)
	require.Empty(t, r.Infos())
}

func TestWhoWaitsHearsWhatIsWanted(t *testing.T) {
	r := newRig(t)
	n, changed := r.Wanted()
	require.Zero(t, n)
	_, too := r.Wanted()
	r.Add(tx(1))
	<-changed
	<-too
	n, changed = r.Wanted()
	require.Equal(t, 3, n)
	r.Add(tx(1))
	r.Again(tx(1))
	select {
	case <-changed:
		require.Fail(t, "it is the same")
	default:
	}
}
