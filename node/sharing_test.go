package node_test

import (
	"encoding/hex"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// A branch of the same work as ours is worth its blocks, and what is in our
// chain is not.
func TestBranchOfEqualWorkIsLeased(t *testing.T) {
	r := newRig(t, "regtest", nil)
	worker, _ := r.bus.Conn(broker.Worker, "worker.1", nil)
	submit := func(header []byte) msg.SubmitHeadersReply {
		reply, err := msg.SubmitHeaders.Call(r.ctx, worker, msg.SubmitHeadersRequest{Frames: bus.Frames{Attached: [][]byte{header}}})
		require.NoError(t, err)
		require.Empty(t, reply.Reject)
		return reply
	}
	tip := get[[]string](r, "generatetoaddress", 1, address)[0]
	ours, err := hex.DecodeString(get[string](r, "getblockheader", tip, false))
	require.NoError(t, err)
	require.False(t, submit(ours).Download)

	// Another header on the same parent: regtest's target is half of all hashes.
	rival := append([]byte{}, ours...)
	rival[36]++ // of the merkle root
	for hash := chainhash.DoubleHashH(rival); hash[31] > 0x7e; hash = chainhash.DoubleHashH(rival) {
		rival[76]++ // of the nonce
	}
	reply := submit(rival)
	require.True(t, reply.Download)
	lease := func(peer int64) msg.LeaseReply {
		l, err := msg.LeaseBlocks.Call(r.ctx, worker, msg.LeaseRequest{Peer: peer, Best: reply.Last, Max: 16})
		require.NoError(t, err)
		return l
	}
	require.Equal(t, []chainhash.Hash{reply.Last}, lease(1).Hashes)
	second := lease(2)
	require.Empty(t, second.Hashes)
	require.True(t, second.Retry, "the first may fail")
	get[[]string](r, "generatetoaddress", 1, address)
	require.False(t, lease(2).Retry, "it has less work now")
}
