package rpc

import (
	"context"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

func (n mempoolQueries) clusterCommands() rpc.Table {
	return rpc.Table{
		{
			Name: "getmempoolcluster", Returns: mempoolCluster{}, Category: "Blockchain", Run: n.getMempoolCluster,
			Summary: "Returns mempool data for given cluster",
			Params:  []rpc.Param{txidParam("The txid of a transaction in the cluster")},
		},
		{
			Name: "getmempoolfeeratediagram", Returns: []diagramPoint{}, Category: "hidden", Run: n.getMempoolFeerateDiagram,
			Summary: "Returns the feerate diagram for the whole mempool.",
		},
	}
}

type mempoolCluster struct {
	Weight int64          `json:"clusterweight"`
	Count  int            `json:"txcount"`
	Chunks []mempoolChunk `json:"chunks"`
}

type mempoolChunk struct {
	Fee    rpc.Amount `json:"chunkfee"`
	Weight int64      `json:"chunkweight"`
	Txs    []string   `json:"txs"`
}

func (n mempoolQueries) getMempoolCluster(_ context.Context, call *rpc.Call) (any, error) {
	txid, err := call.Hash(0)
	if err != nil {
		return nil, err
	}
	chunks, ok := n.Mempool.Cluster(txid)
	if !ok {
		return nil, notInMempool()
	}
	var shown mempoolCluster
	for _, c := range chunks {
		shown.Weight += c.Weight
		shown.Count += len(c.Txids)
		shown.Chunks = append(shown.Chunks, mempoolChunk{rpc.Amount(c.Fee), c.Weight, hashStrings(c.Txids)})
	}
	return shown, nil
}

// diagramPoint is the sum of all chunks up to one.
type diagramPoint struct {
	Weight int64      `json:"weight"`
	Fee    rpc.Amount `json:"fee"`
}

func (n mempoolQueries) getMempoolFeerateDiagram(context.Context, *rpc.Call) (any, error) {
	var at diagramPoint
	points := []diagramPoint{at}
	for _, c := range n.Mempool.Diagram() {
		at.Weight += c.Weight
		at.Fee += rpc.Amount(c.Fee)
		points = append(points, at)
	}
	return points, nil
}
