package p2pworker_test

import (
	"context"
	"encoding/binary"
	"slices"
	"sync"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// testNode stands for the node on the bus: a chain of headers that are linked
// and not validated, each with a block that is the header and one byte.
type testNode struct {
	t  *testing.T
	mu sync.Mutex
	// headers by height, the blocks that were received, and who leased what.
	headers  [][]byte
	heights  map[chainhash.Hash]int
	blocks   map[chainhash.Hash][]byte
	leased   map[chainhash.Hash]int64
	resubmit int // blocks received more than once
	txs      map[chainhash.Hash][]byte
	changed  chan struct{}
}

func newTestNode(t *testing.T, blocks int) *testNode {
	n := &testNode{t: t, heights: map[chainhash.Hash]int{}, blocks: map[chainhash.Hash][]byte{},
		leased: map[chainhash.Hash]int64{}, txs: map[chainhash.Hash][]byte{}, changed: make(chan struct{}, 1)}
	n.addHeader(make([]byte, 80))
	n.blocks[n.hashAt(0)] = n.headers[0]
	for i := range blocks {
		n.mine(i)
	}
	return n
}

func (n *testNode) hashAt(height int) chainhash.Hash { return chainhash.DoubleHashH(n.headers[height]) }

func (n *testNode) addHeader(h []byte) {
	n.heights[chainhash.DoubleHashH(h)] = len(n.headers)
	n.headers = append(n.headers, h)
}

// mine appends a block and returns its header.
func (n *testNode) mine(salt int) []byte {
	header := make([]byte, 80)
	tip := n.hashAt(len(n.headers) - 1)
	copy(header[4:], tip[:])
	binary.LittleEndian.PutUint32(header[76:], uint32(salt))
	n.addHeader(header)
	n.blocks[chainhash.DoubleHashH(header)] = append(slices.Clone(header), 0)
	return header
}

// height is that of the last block of the unbroken run from the start.
func (n *testNode) height() int {
	for h := range n.headers {
		if n.blocks[n.hashAt(h)] == nil {
			return h - 1
		}
	}
	return len(n.headers) - 1
}

func (n *testNode) tip() p2p.Tip {
	h := n.height()
	return p2p.Tip{Height: int32(h), Hash: n.hashAt(h), HeaderHeight: int32(len(n.headers) - 1), MinFeeRate: 100}
}

// awaitHeight waits until the chain has blocks up to a height.
func (n *testNode) awaitHeight(ctx context.Context, want int) {
	n.t.Helper()
	for {
		n.mu.Lock()
		got := n.height()
		n.mu.Unlock()
		if got >= want {
			return
		}
		select {
		case <-n.changed:
		case <-ctx.Done():
			require.FailNowf(n.t, "no sync", "height %d, want %d", got, want)
		}
	}
}

func (n *testNode) mux() *bus.Mux {
	mux := bus.NewMux()
	locked := func() func() { n.mu.Lock(); return n.mu.Unlock }
	msg.GetTip.Handle(mux, func(context.Context, bus.None) (p2p.Tip, error) {
		defer locked()()
		return n.tip(), nil
	})
	msg.Of(p2p.GetLocator).Handle(mux, func(context.Context, p2p.LocatorRequest) (p2p.LocatorReply, error) {
		defer locked()()
		var l []chainhash.Hash
		for h := len(n.headers) - 1; h >= 0 && len(l) < 10; h-- {
			l = append(l, n.hashAt(h))
		}
		return p2p.LocatorReply{Hashes: append(l, n.hashAt(0))}, nil
	})
	msg.Of(p2p.FindHeaders).Handle(mux, func(_ context.Context, r p2p.FindHeadersRequest) (p2p.HeadersReply, error) {
		defer locked()()
		return n.findHeaders(r), nil
	})
	msg.Of(p2p.SubmitHeaders).Handle(mux, func(_ context.Context, r p2p.SubmitHeadersRequest) (p2p.SubmitHeadersReply, error) {
		defer locked()()
		return n.submitHeaders(r.Attached[0]), nil
	})
	msg.Of(p2p.LeaseBlocks).Handle(mux, func(_ context.Context, r p2p.LeaseRequest) (p2p.LeaseReply, error) {
		defer locked()()
		return n.lease(r), nil
	})
	msg.Of(p2p.ReleasePeer).Handle(mux, func(_ context.Context, r p2p.ReleaseRequest) (p2p.Done, error) {
		defer locked()()
		for h, peer := range n.leased {
			if peer == r.Peer {
				delete(n.leased, h)
			}
		}
		return p2p.Done{}, nil
	})
	msg.Of(p2p.SubmitBlock).Handle(mux, func(_ context.Context, r p2p.SubmitBlockRequest) (p2p.SubmitReply, error) {
		defer locked()()
		return n.submitBlock(r.Attached[0]), nil
	})
	msg.Of(p2p.FetchBlock).Handle(mux, func(_ context.Context, r p2p.FetchBlockRequest) (p2p.FetchReply, error) {
		defer locked()()
		raw := n.blocks[r.Hash]
		return p2p.FetchReply{Found: raw != nil, Frames: bus.Frames{Attached: [][]byte{raw}}}, nil
	})
	n.handleTxs(mux, locked)
	return mux
}

func (n *testNode) handleTxs(mux *bus.Mux, locked func() func()) {
	msg.Of(p2p.WantTxs).Handle(mux, func(_ context.Context, r p2p.WantTxsRequest) (p2p.WantTxsReply, error) {
		defer locked()()
		unknown := func(h chainhash.Hash) bool { return n.txs[h] == nil }
		return p2p.WantTxsReply{Txids: filter(r.Txids, unknown), Wtxids: filter(r.Wtxids, unknown)}, nil
	})
	msg.Of(p2p.FetchTx).Handle(mux, func(_ context.Context, r p2p.FetchTxRequest) (p2p.FetchReply, error) {
		defer locked()()
		raw := n.txs[r.Hash]
		return p2p.FetchReply{Found: raw != nil, Frames: bus.Frames{Attached: [][]byte{raw}}}, nil
	})
	take := func(raw []byte) p2p.SubmitReply {
		defer locked()()
		h := chainhash.DoubleHashH(raw)
		n.txs[h] = raw
		n.wake()
		return p2p.SubmitReply{Hash: h, Wtxid: h, New: true}
	}
	msg.Of(p2p.SubmitTx).Handle(mux, func(_ context.Context, r p2p.SubmitTxRequest) (p2p.SubmitReply, error) {
		return take(r.Attached[0]), nil
	})
	msg.Of(p2p.SubmitTxs).Handle(mux, func(_ context.Context, r p2p.SubmitTxsRequest) (reply p2p.SubmitTxsReply, _ error) {
		for _, raw := range r.Attached {
			reply.Txs = append(reply.Txs, take(raw))
		}
		return reply, nil
	})
}

func (n *testNode) wake() {
	select {
	case n.changed <- struct{}{}:
	default:
	}
}

func (n *testNode) findHeaders(r p2p.FindHeadersRequest) p2p.HeadersReply {
	from := 0
	for _, h := range r.Locator {
		if height, ok := n.heights[h]; ok {
			from = height
			break
		}
	}
	list := n.headers[from+1:]
	list = list[:min(len(list), 2000)]
	return p2p.HeadersReply{Count: len(list), Frames: bus.Frames{Attached: [][]byte{slices.Concat(list...)}}}
}

func (n *testNode) submitHeaders(raw []byte) p2p.SubmitHeadersReply {
	var reply p2p.SubmitHeadersReply
	for header := range slices.Chunk(raw, 80) {
		hash := chainhash.DoubleHashH(header)
		if _, known := n.heights[hash]; !known {
			if chainhash.Hash(header[4:36]) != n.hashAt(len(n.headers)-1) {
				return p2p.SubmitHeadersReply{Unconnecting: true}
			}
			n.addHeader(header)
			reply.New++
		}
		reply.Last, reply.Height = hash, int32(n.heights[hash])
	}
	reply.Download = true
	return reply
}

func (n *testNode) lease(r p2p.LeaseRequest) p2p.LeaseReply {
	reply := p2p.LeaseReply{Seconds: 60}
	best, ok := n.heights[r.Best]
	if !ok {
		return reply
	}
	for h := 1; h <= best && len(reply.Hashes) < r.Max; h++ {
		hash := n.hashAt(h)
		if n.blocks[hash] != nil {
			continue
		}
		if _, taken := n.leased[hash]; taken {
			reply.Retry = true
			continue
		}
		n.leased[hash] = r.Peer
		reply.Hashes = append(reply.Hashes, hash)
	}
	return reply
}

func (n *testNode) submitBlock(raw []byte) p2p.SubmitReply {
	hash := chainhash.DoubleHashH(raw[:80])
	if _, known := n.heights[hash]; !known {
		return p2p.SubmitReply{Hash: hash, Reject: "prev-blk-not-found", Misbehaving: true}
	}
	if n.blocks[hash] != nil {
		n.resubmit++
	}
	delete(n.leased, hash)
	n.blocks[hash] = raw
	n.wake()
	return p2p.SubmitReply{Hash: hash, New: true}
}

func filter(all []chainhash.Hash, keep func(chainhash.Hash) bool) (kept []chainhash.Hash) {
	for _, h := range all {
		if keep(h) {
			kept = append(kept, h)
		}
	}
	return kept
}
