package rpc

import (
	"bytes"
	"context"
	"encoding/hex"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/orphanage"
)

func (n mempoolQueries) orphanCommands() rpc.Table {
	return rpc.Table{{
		Name: "getorphantxs", Returns: rpc.Alternatives{[]string{}, []orphanTx{}}, Category: "hidden", Run: n.getOrphanTxs,
		Summary: "Shows transactions in the tx orphanage.\n\nEXPERIMENTAL warning: this call may be changed in future releases.",
		Params: []rpc.Param{
			{Name: "verbosity", Optional: true, Default: "0", Help: "0 for an array of txids (may contain duplicates), 1 for an array of objects with tx details, and 2 for details from (1) and tx hex"},
		},
	}}
}

// orphanTx is one object of getorphantxs, in Bitcoin Core's order.
type orphanTx struct {
	Txid   string  `json:"txid"`
	Wtxid  string  `json:"wtxid"`
	Bytes  int     `json:"bytes"`
	VSize  int64   `json:"vsize"`
	VSize1 int64   `json:"vsize_bip141"`
	Weight int     `json:"weight"`
	From   []int64 `json:"from"`
	Hex    string  `json:"hex,omitempty"`
}

func (n mempoolQueries) getOrphanTxs(_ context.Context, call *rpc.Call) (any, error) {
	if raw := call.Raw(0); bytes.Equal(raw, []byte("true")) || bytes.Equal(raw, []byte("false")) {
		return nil, rpc.Errorf(rpc.TypeError, "Verbosity was boolean but only integer allowed")
	}
	level, err := call.Int(0, 0)
	if err != nil {
		return nil, err
	}
	if level < 0 || level > 2 {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid verbosity value %d", level)
	}
	ids, details := []string{}, []orphanTx{}
	for _, orphan := range n.Orphans() {
		ids = append(ids, orphan.Tx.ID.String())
		details = append(details, describeOrphan(orphan, level == 2))
	}
	if level == 0 {
		return ids, nil
	}
	return details, nil
}

func describeOrphan(orphan orphanage.Orphan, whole bool) orphanTx {
	tx := orphan.Tx
	vsize := int64(tx.Weight()+consensus.WitnessScale-1) / consensus.WitnessScale
	shown := orphanTx{
		Txid: tx.ID.String(), Wtxid: tx.WitnessID.String(), Bytes: tx.Size, VSize: vsize, VSize1: vsize, Weight: tx.Weight(), From: []int64{},
	}
	for _, peer := range orphan.Peers {
		shown.From = append(shown.From, peer.Peer)
	}
	if whole {
		shown.Hex = hex.EncodeToString(tx.Raw())
	}
	return shown
}
