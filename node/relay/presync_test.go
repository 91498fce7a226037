package relay

import (
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/download"
)

// headersOf are the headers of a branch.
func headersOf(tip *chaintest.Spot) (raw []byte, hashes []chainhash.Hash) {
	for _, spot := range tip.Path() {
		raw, hashes = append(raw, spot.Block.Raw[:wire.MaxBlockHeaderPayload]...), append(hashes, spot.Hash)
	}
	return raw, hashes
}

// needs is the work of so many blocks above genesis on regtest.
func needs(r *Relay, blocks int) {
	r.cfg.Params.MinimumWork = consensus.Uint256{}
	for range blocks + 1 {
		r.cfg.Params.MinimumWork = r.cfg.Params.MinimumWork.Add(consensus.Work(0x207fffff))
	}
}

func (r *Relay) headers(t *testing.T, req p2p.SubmitHeadersRequest, raw []byte) p2p.SubmitHeadersReply {
	t.Helper()
	req.Frames = multipart.One(raw)
	reply, err := r.submitHeaders(t.Context(), req)
	require.NoError(t, err)
	return reply
}

// Headers are kept when they have shown their work, after the second pass.
func TestHeadersAreKeptForTheirWork(t *testing.T) {
	const n = 2500
	r := newRelay(t)
	needs(r, n)
	raw, hashes := headersOf(chaintest.Genesis(t, chaintest.Regtest(t)).Extend(n, 0))
	peer := p2p.SubmitHeadersRequest{Peer: 1}
	part := func(locator []chainhash.Hash) []byte {
		for i, hash := range hashes {
			if locator[0] == hash {
				return raw[(i+1)*80:]
			}
		}
		return raw[:2000*80]
	}
	reply := r.headers(t, peer, raw[:2000*80])
	require.True(t, reply.LowWork)
	require.Equal(t, int32(2000), reply.Presync.Height)
	require.Nil(t, r.chain.Lookup(hashes[0]))
	require.Len(t, r.syncs.of, 1)

	// Another peer's headers and a few of this one's change nothing about it.
	require.Equal(t, p2p.SubmitHeadersReply{LowWork: true}, r.headers(t, p2p.SubmitHeadersRequest{Peer: 2}, raw[:100*80]))

	reply = r.headers(t, peer, part(reply.Presync.Locator))
	require.True(t, reply.LowWork)
	require.Equal(t, int32(-1), reply.Presync.Height)
	reply = r.headers(t, peer, part(reply.Presync.Locator))
	require.True(t, reply.LowWork, "they wait for those above them")
	reply = r.headers(t, peer, part(reply.Presync.Locator))
	require.Equal(t, hashes[n-1], reply.Last)
	require.True(t, reply.Download)
	require.Nil(t, reply.Presync)
	require.Empty(t, r.syncs.of)
	require.Equal(t, hashes[n-1], r.chain.View().BestHeader.Hash)

	// What is in the best chain of headers may come again in any part.
	require.False(t, r.headers(t, p2p.SubmitHeadersRequest{Peer: 2}, raw[:100*80]).LowWork)
}

func TestHeadersWithoutWork(t *testing.T) {
	r := newRelay(t)
	needs(r, 5000)
	tip := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(2011, 0)
	raw, hashes := headersOf(tip)

	// Who may do anything need not show work.
	require.Equal(t, 10, r.headers(t, p2p.SubmitHeadersRequest{Peer: 1, Trusted: true}, raw[:10*80]).New)

	bad := append([]byte{}, raw[10*80:12*80]...)
	bad[80+75] = 0x1d // claims more work than its hash has
	require.True(t, r.headers(t, p2p.SubmitHeadersRequest{Peer: 1}, bad[:80]).LowWork)
	copy(bad[80+4:80+36], hashes[10][:])
	reply := r.headers(t, p2p.SubmitHeadersRequest{Peer: 1}, bad)
	require.Equal(t, "header with invalid proof of work", reply.Reject)
	require.True(t, reply.Misbehaving)

	// A sync ends with its peer.
	peer := p2p.SubmitHeadersRequest{Peer: 1}
	begin := func() { require.NotNil(t, r.headers(t, peer, raw[80:2001*80]).Presync) }
	begin()
	require.Contains(t, r.Workers(), "")
	require.Equal(t, p2p.SubmitHeadersReply{LowWork: true}, r.headers(t, peer, raw[10*80:20*80]))
	require.Len(t, r.syncs.of, 1, "what does not follow is no answer, and changes nothing")
	reply = r.headers(t, peer, raw[2001*80:2010*80])
	require.Equal(t, p2p.SubmitHeadersReply{Unconnecting: true, Ended: true}, reply, "too few to go on")
	begin()
	_, err := r.release(t.Context(), p2p.ReleaseRequest{Peer: 1})
	require.NoError(t, err)
	require.Empty(t, r.syncs.of)
	begin()
	r.WorkerGone("")
	require.Empty(t, r.syncs.of)
	for i := range maxSyncs + 1 {
		r.syncs.put(t.Context(), download.Holder{Peer: int64(i)}, nil)
	}
	require.Len(t, r.syncs.of, maxSyncs)
}

// A block whose header would not be kept is not, either.
func TestBlocksWithoutWorkAreNotKept(t *testing.T) {
	r := newRelay(t)
	needs(r, 10)
	first := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(1, 0)
	reply, err := r.submitBlock(t.Context(), p2p.SubmitBlockRequest{Frames: multipart.One(first.Block.Raw)})
	require.NoError(t, err)
	require.Equal(t, p2p.SubmitReply{Hash: first.Hash, Reject: "too-little-chainwork"}, reply)
	require.Nil(t, r.chain.Lookup(first.Hash))
}
