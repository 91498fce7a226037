package node_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
)

// A node that died may have forgotten the header of a block that its worker has
// asked a peer for. That peer is not to blame.
func TestPeerIsNotBlamedForAForgottenHeader(t *testing.T) {
	r := newRig(t, "regtest", nil)
	r.loaded()
	worker, _ := r.bus.Conn(broker.Worker, "worker.1", nil)
	orphan := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(2, 0)
	for _, requested := range []bool{true, false} {
		reply, err := msg.SubmitBlock.Call(r.ctx, worker, msg.SubmitBlockRequest{
			Peer: 1, Requested: requested, Frames: bus.Frames{Attached: [][]byte{orphan.Raw}},
		})
		require.NoError(t, err)
		require.Equal(t, "prev-blk-not-found", reply.Reject)
		require.Equal(t, !requested, reply.Misbehaving)
	}
}
