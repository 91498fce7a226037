package node

import (
	"context"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/privatebroadcast"
	"github.com/bulkheadnode/bulkhead/node/relay"
	noderpc "github.com/bulkheadnode/bulkhead/node/rpc"
)

// tip describes the state of the chain for the bus.
func (n *node) tip() p2p.Tip {
	engine := n.owner.Chain()
	view := engine.View()
	tip := view.Tip()
	return p2p.Tip{
		Height: tip.Height, Hash: tip.Hash, Time: tip.Time,
		HeaderHeight: view.BestHeader.Height, HeaderHash: view.BestHeader.Hash,
		Initial: view.Initial, EventSeq: n.feed.Seq(), MinFeeRate: int64(n.owner.MinRate()),
		Lost: n.lost.Load(), Partial: engine.Background() != nil, Work: tip.Work.Bytes(),
	}
}

// getTip waits until the chain is not being changed, so that the answer
// includes everything accepted before the call.
func (n *node) getTip(ctx context.Context, _ bus.None) (tip p2p.Tip, err error) {
	err = n.owner.Do(ctx, func(*chainstate.State) error {
		tip = n.tip()
		return nil
	})
	return tip, err
}

func (n *node) getBlock(_ context.Context, req msg.GetBlockRequest) (reply msg.GetBlockReply, err error) {
	engine := n.owner.Chain()
	at := engine.Lookup(req.Hash)
	if at == nil || !engine.Info(at).HaveBlock {
		return reply, bus.Errorf(msg.KindUnknownBlock, "block %s is not known", req.Hash)
	}
	raw, err := engine.ReadRaw(at)
	if err != nil {
		return reply, err
	}
	reply.Height, reply.InBest = at.Height, engine.View().Contains(at)
	reply.Attached = [][]byte{raw}
	return reply, nil
}

// privately is the sending of transactions by connections of their own.
type privately struct {
	*relay.Relay
	*privatebroadcast.Queue
}

// commands lists what the node offers to JSON-RPC clients.
func (n *node) commands() rpc.Table {
	engine, pool := n.owner.Chain(), n.owner.Pool()
	var private noderpc.Private
	if n.private != nil {
		private = privately{n.relay, n.private}
	}
	var estimates noderpc.Fees
	if n.fees != nil {
		estimates = n.fees
	}
	return n.afterResuming(noderpc.Table(&noderpc.Node{
		Private: private, Fees: estimates, Given: n.env.Given,
		Orphans: n.relay.Orphans,
		Params:  n.params, Policy: n.cfg.policy(), Settings: noderpc.Settings{
			Chain: n.cfg.Chain, Dir: n.cfg.Dir, DatabaseCache: n.cfg.databaseCache(), Pruning: n.cfg.pruning(), PruneTarget: n.cfg.pruneTarget(),
			Deprecated: n.cfg.Deprecated,
			Mining: noderpc.MiningSettings{
				MaxWeight: n.cfg.BlockMaxWeight, Reserved: n.cfg.BlockReserved, MinRate: n.cfg.BlockMin, Version: n.cfg.BlockVersion,
				Print: n.cfg.PrintPriority,
			},
		},
		Tree: engine, Blocks: engine, Coins: n.owner, Owner: n.owner, Sets: n.sets, Mempool: pool, Pools: n.pools, Indexes: n.indexes, Tips: n.tips,
		MinRate: n.owner.MinRate, DiskSize: n.blocks.DiskSize, Loaded: n.loaded.Load, Warnings: n.warnings.List, Now: n.now, Log: n.log,
	}))
}

// resumePatience is how long a command waits for the chain to be where it was. In the
// initial download there may be more to connect again than anybody waits for.
const resumePatience = 10 * time.Second

// afterResuming makes commands wait until chain and mempool are what a process before this
// one had.
func (n *node) afterResuming(table rpc.Table) rpc.Table {
	began := time.Now()
	for i := range table {
		run := table[i].Run
		table[i].Run = func(ctx context.Context, call *rpc.Call) (any, error) {
			select {
			case <-n.resumed:
			default:
				if err := n.awaitResumed(ctx, began); err != nil {
					return nil, err
				}
			}
			return run(ctx, call)
		}
	}
	return table
}

func (n *node) awaitResumed(ctx context.Context, began time.Time) error {
	timer := time.NewTimer(resumePatience - time.Since(began))
	defer timer.Stop()
	select {
	case <-n.resumed:
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}
