package relay

import (
	"context"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/compact"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/download"
)

// maturity is how deep a coinbase lies before it may be spent.
const maturity = 100

// compactRig is a relay at a tip of the present, whose first coinbase may be
// spent, and a block above it with three payments.
type compactRig struct {
	*Relay
	t     *testing.T
	at    int64 // the time
	tip   *chaintest.Spot
	block *consensus.Block
}

func newCompactRig(t *testing.T) *compactRig {
	tip := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(maturity+1, 0)
	r := &compactRig{t: t, tip: tip, at: tip.Time() + 600}
	r.Relay = newRelayAt(t, func() int64 { return r.at })
	r.extra.ring = make([]*consensus.Tx, 10)
	r.extend(t, tip)
	first := chaintest.Spend([]wire.OutPoint{tip.Coinbase(1)}, 1_000_000, 1000, 1000)
	second := chaintest.Spend([]wire.OutPoint{{Hash: first.ID}}, 900_000, 1000, 1000)
	third := chaintest.Spend([]wire.OutPoint{{Hash: second.ID}}, 800_000, 1000, 1000)
	r.block = tip.Next(first, second, third).Block
	return r
}

func (r *compactRig) submit(req p2p.SubmitCompactRequest, parts ...[]byte) p2p.SubmitCompactReply {
	r.t.Helper()
	req.Attached = parts
	reply, err := r.submitCompact(context.Background(), req)
	require.NoError(r.t, err)
	return reply
}

func (r *compactRig) message(prefill ...int) []byte { return compact.Encode(r.block, 5, prefill) }

func (r *compactRig) txs(asked []uint16) []byte {
	raw, ok := compact.EncodeTxs(r.block, asked)
	require.True(r.t, ok)
	return raw[chainhash.HashSize:]
}

func announcing(peer int64) p2p.SubmitCompactRequest {
	return p2p.SubmitCompactRequest{Peer: peer, Announced: true, Compact: p2p.Compact{Provides: true}}
}

// What the mempool refused is in the block all the same; the rest is asked for,
// and the one who brought the block is to announce the next.
func TestACompactBlockIsConnected(t *testing.T) {
	r := newCompactRig(t)
	r.extra.add(r.block.Txs[2])
	reply := r.submit(announcing(1), r.message())
	require.Equal(t, []uint16{1, 3}, reply.Missing)
	require.Equal(t, r.block.Hash, reply.Headers.Last)
	again := announcing(1)
	again.Asked, again.Requested = reply.Missing, true
	reply = r.submit(again, r.message(), r.txs(reply.Missing))
	require.Equal(t, &p2p.SubmitReply{Hash: r.block.Hash, New: true, Announce: true}, reply.Verdict)
	require.Equal(t, r.block.Hash, r.chain.View().Tip().Hash)
	require.Empty(t, r.downloads.flights)
	require.Equal(t, []int{1, 3}, r.recent.lacked, "what we lacked others will lack")

	// To others it goes on with these two, and is nothing new from them.
	served, err := r.fetchBlock(t.Context(), p2p.FetchBlockRequest{Hash: r.block.Hash, Compact: true})
	require.NoError(t, err)
	require.True(t, served.Compact)
	parsed, err := compact.Parse(served.First())
	require.NoError(t, err)
	require.Len(t, parsed.Prefilled, 3)
	require.Equal(t, p2p.SubmitCompactReply{Headers: p2p.SubmitHeadersReply{Last: r.block.Hash, Height: maturity + 2, Work: r.chain.Lookup(r.block.Hash).Work.Bytes()}}, r.submit(announcing(2), r.message()))
}

// Nothing is asked for when all is known: a rival of the last block is made of its
// transactions.
func TestARivalIsMadeOfTheLastBlock(t *testing.T) {
	r := newCompactRig(t)
	r.extend(t, r.tip.Next(r.block.Txs[1:]...))
	rival := r.tip.Change(r.block.Txs[1:], func(h *wire.BlockHeader, txs []*consensus.Tx) []*consensus.Tx {
		h.Version++
		return txs
	})
	r.BlockConnected(r.tip.Next(r.block.Txs[1:]...).Block, false)
	r.block = rival.Block
	partial, err := compact.Begin(must(compact.Parse(r.message())))
	require.NoError(t, err)
	r.offerKnown(partial)
	require.Empty(t, partial.Missing())
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestWhatBecomesOfCompactBlocks(t *testing.T) {
	type outcome struct{ whole, asHeaders, unconnecting bool }
	for name, tt := range map[string]struct {
		prepare func(r *compactRig)
		req     p2p.SubmitCompactRequest
		want    outcome
	}{
		"not asked to announce":    {func(*compactRig) {}, p2p.SubmitCompactRequest{}, outcome{asHeaders: true}},
		"parent unknown":           {func(r *compactRig) { r.block = r.tip.Extend(2, 0).Block }, announcing(1), outcome{unconnecting: true}},
		"far above the tip":        {func(r *compactRig) { r.ahead(3) }, announcing(1), outcome{asHeaders: true}},
		"far above, and requested": {func(r *compactRig) { r.ahead(3) }, p2p.SubmitCompactRequest{Requested: true}, outcome{whole: true}},
		"no better, and requested": {func(r *compactRig) { r.extend(r.t, r.tip.Extend(1, 'b')) }, p2p.SubmitCompactRequest{Requested: true}, outcome{whole: true}},
		"no better":                {func(r *compactRig) { r.extend(r.t, r.tip.Extend(1, 'b')) }, announcing(1), outcome{asHeaders: true}},
		"little work": {func(r *compactRig) {
			r.at += 200 * 600
			r.extend(r.t, r.tip.Extend(antiDoSDepth+9, 'b'))
		}, announcing(1), outcome{}},
		"while files are read": {func(r *compactRig) { r.loading() }, announcing(1), outcome{asHeaders: true}},
		"while files are read, and requested of the node before": {func(r *compactRig) { r.loading() }, p2p.SubmitCompactRequest{Asked: []uint16{1}}, outcome{whole: true}},
		"the tip is of another age":                              {func(r *compactRig) { r.at = r.tip.Time() + 21*600 }, announcing(1), outcome{asHeaders: true}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newCompactRig(t)
			tt.prepare(r)
			reply := r.submit(tt.req, r.message())
			require.Equal(t, tt.want, outcome{reply.Whole, reply.AsHeaders, reply.Headers.Unconnecting})
			require.Empty(t, reply.Missing)
			require.Nil(t, reply.Verdict)
		})
	}
}

func (r *compactRig) loading() { r.cfg.Loaded = func() bool { return false } }

// ahead makes the block one so far above the tip, of which the header is known.
func (r *compactRig) ahead(n int) {
	top := r.tip.Extend(n, 0)
	for _, spot := range top.Path()[r.tip.Height : top.Height-1] {
		raw := spot.Block.Raw[:wire.MaxBlockHeaderPayload]
		_, err := r.submitHeaders(r.t.Context(), p2p.SubmitHeadersRequest{Frames: multipart.One(raw)})
		require.NoError(r.t, err)
	}
	r.block = top.Block
}

// Parts that make another block lead to the whole one from who was first, and to
// nothing from others; numbers that do not fit are an offence.
func TestPartsThatDoNotFit(t *testing.T) {
	r := newCompactRig(t)
	missing := r.submit(announcing(1), r.message()).Missing
	require.Len(t, missing, 3)
	require.Equal(t, missing, r.submit(announcing(2), r.message()).Missing, "a second peer may be asked")
	wrong := []byte{3}
	for _, i := range []int{2, 1, 3} {
		wrong = append(wrong, r.block.Txs[i].Raw()...)
	}
	for peer, whole := range map[int64]bool{1: true, 2: false} {
		req := announcing(peer)
		req.Asked = missing
		require.Equal(t, whole, r.submit(req, r.message(), wrong).Whole)
		require.Contains(t, r.submit(req, r.message(), r.txs(missing[:2])).Invalid, "non-matching block transactions")
		require.NotEmpty(t, r.submit(req, r.message(), []byte{9, 1}).Malformed)
	}
	require.Equal(t, "invalid compact block", r.submit(announcing(3), beyond(t, r.block)).Invalid)
	require.NotEmpty(t, r.submit(announcing(3), r.message()[:50]).Malformed)
	require.Equal(t, r.tip.Hash, r.chain.View().Tip().Hash)
}

// beyond is a compact block whose prefilled transaction lies behind its end.
func beyond(t *testing.T, block *consensus.Block) []byte {
	raw := append(append([]byte{}, block.Raw[:wire.MaxBlockHeaderPayload]...), make([]byte, 8)...)
	raw = append(raw, 0, 1, 1) // no identifiers, one transaction, of index 1
	raw = append(raw, block.Txs[0].Raw()...)
	_, err := compact.Parse(raw)
	require.NoError(t, err)
	return raw
}

// The last of three places for the same block is kept for a peer that we chose.
func TestAFlightKeepsAPlaceForAPeerOfOurs(t *testing.T) {
	hash := chainhash.Hash{1}
	peer := func(n int64) download.Holder { return download.Holder{Worker: "worker.1", Peer: n} }
	join := func(d *downloads, n int64, outbound, announced bool) [2]bool {
		first, ask := d.joinFlight(t.Context(), peer(n), hash, outbound, announced)
		return [2]bool{first, ask}
	}
	d := newDownloads()
	require.Equal(t, [2]bool{true, true}, join(d, 1, false, false))
	require.Equal(t, [2]bool{true, true}, join(d, 1, false, false), "again")
	require.Equal(t, [2]bool{false, false}, join(d, 2, false, false), "not asked to announce")
	require.Equal(t, [2]bool{false, true}, join(d, 3, false, true))
	require.Equal(t, [2]bool{false, false}, join(d, 4, false, true))
	require.Equal(t, [2]bool{false, true}, join(d, 5, true, true))
	require.Equal(t, [2]bool{false, false}, join(d, 6, true, true), "three are enough")
	d.peerGone(peer(5))
	require.Equal(t, [2]bool{false, true}, join(d, 6, true, true))
	d.delivered(peer(3), hash)
	require.Empty(t, d.flights)

	d = newDownloads()
	require.Len(t, d.grant(t.Context(), peer(1), 1, func() []chainhash.Hash { return []chainhash.Hash{hash} }), 1)
	require.Equal(t, [2]bool{false, true}, join(d, 2, false, true), "a lease counts")
	require.Equal(t, [2]bool{true, true}, join(d, 1, false, false), "and is its holder's")
	d.spoiled(peer(2), hash)
	require.True(t, d.leased(hash), "a bad block of another does not end it")
	d.spoiled(peer(1), hash)
	require.False(t, d.leased(hash))
}

// Three peers announce; the last of those that we chose stays.
func TestAnnouncersAreThree(t *testing.T) {
	var a announcers
	promote := func(n int64, outbound bool) (added bool, relieved int64) {
		added, gone := a.promote(source{download.Holder{Peer: n}, outbound})
		if gone == nil {
			return added, -1
		}
		return added, gone.holder.Peer
	}
	for _, step := range []struct {
		peer     int64
		outbound bool
		added    bool
		relieved int64
	}{
		{1, true, true, -1}, {2, false, true, -1}, {3, false, true, -1}, {3, false, false, -1},
		{4, false, true, 2},  // 1 is the only one of ours
		{1, true, false, -1}, // now the last in line
		{5, false, true, 3}, {6, true, true, 4}, {7, true, true, 1}, {8, false, true, 5},
	} {
		added, relieved := promote(step.peer, step.outbound)
		require.Equal(t, step.added, added, step)
		require.Equal(t, step.relieved, relieved, step)
		require.LessOrEqual(t, len(a), maxAnnouncers)
	}
	a.forget(func(h download.Holder) bool { return h.Peer == 7 })
	require.Equal(t, []int64{6, 8}, []int64{a[0].holder.Peer, a[1].holder.Peer})
}

// A block that is not the header's does not end what others owe (CVE-2024-52921).
func TestAMutatedBlockSpoilsNoLease(t *testing.T) {
	r := newCompactRig(t)
	require.NotEmpty(t, r.submit(announcing(1), r.message()).Missing)
	txs := slices.Clone(r.block.Txs)
	txs[3] = chaintest.Spend([]wire.OutPoint{{Hash: txs[2].ID}}, 1)
	bad := consensus.NewBlock(r.block.Header, txs)
	reply, err := r.submitBlock(t.Context(), p2p.SubmitBlockRequest{Peer: 2, Frames: multipart.One(bad.Raw)})
	require.NoError(t, err)
	require.True(t, reply.Mutated)
	require.True(t, r.downloads.leased(r.block.Hash))
	require.Len(t, r.downloads.flights[r.block.Hash], 1)
	req := announcing(1)
	req.Asked = []uint16{1, 2, 3}
	require.True(t, r.submit(req, r.message(), r.txs(req.Asked)).Verdict.New)
}

// A block that comes next is shown to who builds it from its compact block before it
// is verified, and whole to nobody until it is.
func TestABlockIsPassedOnBeforeItIsVerified(t *testing.T) {
	for name, valid := range map[string]bool{"connected": true, "refused": false} {
		r := newCompactRig(t)
		require.NotEmpty(t, r.submit(announcing(1), r.message()).Missing)
		at := r.chain.Lookup(r.block.Hash)
		shown := func() [2]bool {
			compactly, err := r.fetchBlock(t.Context(), p2p.FetchBlockRequest{Hash: at.Hash, Compact: true})
			require.NoError(t, err)
			txs, err := r.fetchBlockTxs(t.Context(), p2p.FetchBlockTxsRequest{Hash: at.Hash, Indexes: []uint16{1}})
			require.NoError(t, err)
			return [2]bool{compactly.Compact, txs.Found}
		}
		require.Equal(t, [2]bool{}, shown())
		require.True(t, r.BlockStored(at, r.block))
		require.False(t, r.BlockStored(at, r.block), "nor a rival of it")
		require.Equal(t, [2]bool{true, true}, shown())
		fetch := func(ctx context.Context) bool {
			reply, err := r.fetchBlock(ctx, p2p.FetchBlockRequest{Hash: at.Hash})
			return err == nil && reply.Found
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		require.False(t, fetch(ended))
		whole := make(chan bool)
		go func() { whole <- fetch(t.Context()) }()
		if valid {
			_, err := r.cfg.Owner.ProcessBlock(t.Context(), r.block, true)
			require.NoError(t, err)
			r.BlockConnected(r.block, false)
		} else {
			r.BlockRefused(at.Hash, consensus.Rejectf(consensus.Invalid, "no", ""))
		}
		require.Equal(t, valid, <-whole, name)
		require.Equal(t, valid, fetch(t.Context()), "it is not waited for again")
		require.Equal(t, [2]bool{valid, true}, shown(), "%s: who has begun to put it together is not left alone", name)
	}
}

// Who waits for a block whose rival won does not wait for ever.
func TestARivalEndsTheWait(t *testing.T) {
	r := newCompactRig(t)
	require.NotEmpty(t, r.submit(announcing(1), r.message()).Missing)
	at := r.chain.Lookup(r.block.Hash)
	require.True(t, r.BlockStored(at, r.block))
	whole := make(chan bool)
	go func() {
		reply, err := r.fetchBlock(t.Context(), p2p.FetchBlockRequest{Hash: at.Hash})
		whole <- err == nil && reply.Found
	}()
	r.TipReached(at.Height)
	require.False(t, <-whole)
}

// What does not come next after the tip is told when it is the tip.
func TestOtherBlocksAreNotPassedOnEarly(t *testing.T) {
	r := newCompactRig(t)
	r.extend(t, r.tip.Extend(1, 'a'))
	require.NotNil(t, r.submit(announcing(1), r.message()))
	require.False(t, r.BlockStored(r.chain.Lookup(r.tip.Hash), r.tip.Block))
}

func TestBlockTransactionsAreServed(t *testing.T) {
	r := newCompactRig(t)
	fetch := func(hash chainhash.Hash, indexes ...uint16) p2p.FetchBlockTxsReply {
		reply, err := r.fetchBlockTxs(t.Context(), p2p.FetchBlockTxsRequest{Hash: hash, Indexes: indexes})
		require.NoError(t, err)
		return reply
	}
	path := r.tip.Path()
	at := func(depth int) chainhash.Hash { return path[len(path)-1-depth].Hash }
	found := fetch(at(blockTxsDepth), 0)
	require.True(t, found.Found)
	txs, err := compact.ParseTxs(found.First()[chainhash.HashSize:])
	require.NoError(t, err)
	require.Equal(t, path[len(path)-1-blockTxsDepth].Block.Txs[0].ID, txs[0].ID)
	require.True(t, fetch(at(blockTxsDepth+1), 0).TooDeep)
	require.True(t, fetch(at(0), 1).NoSuchTxs)
	require.Equal(t, p2p.FetchBlockTxsReply{}, fetch(chainhash.Hash{9}, 0))
	for depth, isCompact := range map[int]bool{compactDepth: true, compactDepth + 1: false} {
		reply, err := r.fetchBlock(t.Context(), p2p.FetchBlockRequest{Hash: at(depth), Compact: true, Witness: true})
		require.NoError(t, err)
		require.True(t, reply.Found)
		require.Equal(t, isCompact, reply.Compact)
	}
	for depth, atTip := range []bool{true, true, false} {
		reply, err := r.fetchBlock(t.Context(), p2p.FetchBlockRequest{Hash: at(depth)})
		require.NoError(t, err)
		require.Equal(t, atTip, reply.AtTip, depth)
	}
}
