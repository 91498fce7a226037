package manager

import (
	"context"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

func (m commands) blockFromPeerCommand() rpc.Command {
	return rpc.Command{
		Name: "getblockfrompeer", Returns: struct{}{}, Category: "Blockchain", Run: m.getBlockFromPeer,
		Summary: "Attempt to fetch block from a given peer.\n\n" +
			"The header of the block has to be known, by submitheader for example. The block will have no undo data.\n" +
			"A further call for the same block may make the node ignore what the former peer answers.\n" +
			"Peers tend to ignore requests for a stale block that they never verified, or that is older than a month.\n" +
			"A peer that does not answer is disconnected. On a pruned node the block may be deleted as soon as it is there.",
		Params: []rpc.Param{
			{Name: "blockhash", Type: rpc.String, Form: rpc.Hex, Help: "The block hash to try to fetch"},
			{Name: "peer_id", Type: rpc.Number, Help: "The peer to fetch it from (see getpeerinfo for peer IDs)"},
		},
		Result: "{}    (json object) empty if the request was scheduled",
	}
}

func (m commands) getBlockFromPeer(ctx context.Context, call *rpc.Call) (any, error) {
	hash, err := call.Hash(0)
	if err != nil {
		return nil, err
	}
	id, err := call.Int64(1, -1)
	if err != nil {
		return nil, err
	}
	req := msg.DemandBlockRequest{Hash: hash, Peer: id, Refusal: "Peer does not exist"}
	for _, p := range m.describe(ctx) {
		if p.ID == id {
			req.Worker, req.Refusal = p.Worker, ""
			if p.report.Services&uint64(wire.SFNodeWitness) == 0 {
				req.Refusal = "Pre-SegWit peer"
			}
		}
	}
	reply, err := msg.DemandBlock.Call(ctx, m.conn, req)
	if err != nil {
		return nil, err
	}
	if reply.Refusal != "" {
		return nil, rpc.Errorf(rpc.MiscError, "%s", reply.Refusal)
	}
	return struct{}{}, nil
}
