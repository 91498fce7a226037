package manager

import (
	"context"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// The node judges the block; which peers there are is known here.
func TestGetBlockFromPeer(t *testing.T) {
	s := newShip(t, Config{})
	asked := make(chan msg.DemandBlockRequest, 1)
	node := bus.NewMux()
	msg.DemandBlock.Handle(node, func(_ context.Context, req msg.DemandBlockRequest) (msg.DemandBlockReply, error) {
		asked <- req
		return msg.DemandBlockReply{Refusal: req.Refusal}, nil
	})
	s.bus.Conn(roles.Node, "node", node)
	hash := chainhash.Hash{1}
	s.fails(rpc.MiscError, "Peer does not exist", "getblockfrompeer", `["`+hash.String()+`",5]`)
	require.Equal(t, msg.DemandBlockRequest{Hash: hash, Peer: 5, Refusal: "Peer does not exist"}, <-asked)
}
