package rpc

import (
	"context"
	"errors"
	"fmt"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/mining"
)

// template is a block that lacks a nonce, and what it is made of.
type template struct {
	block  *consensus.Block
	parent *chain.BlockNode
	chosen []*mempool.Entry // its transactions but the coinbase
}

// built is what the block had that was assembled last: its transactions but the
// coinbase, and their weight with what is reserved.
type built struct {
	Txs    int `json:"currentblocktx"`
	Weight int `json:"currentblockweight"`
}

// job says what block to build on the tip.
func (n *miner) job(parent *chain.BlockNode, script []byte) mining.Job {
	height := parent.Height + 1
	earliest := mining.EarliestTime(n.Params, height, parent.MedianTime(), parent.Time)
	job := mining.Job{
		Params: n.Params, Parent: parent.Hash, Height: height, Version: chain.BlockVersion(parent, n.Params),
		Time: max(earliest, n.Now()), Script: script,
	}
	if version := n.Settings.Mining.Version; version != 0 && n.Settings.Chain == chains.Regtest {
		job.Version = version
	}
	job.Bits = chain.NextBits(parent, job.Time, n.Params)
	return job
}

// assemble builds a block of the mempool's best transactions.
func (n *miner) assemble(s *chainstate.State, script []byte) template {
	parent := s.Chain.View().Tip()
	job := n.job(parent, script)
	limits := mining.DefaultLimits()
	want := n.Settings.Mining
	limits.Weight, limits.Reserved, limits.MinRate = want.MaxWeight, want.Reserved, want.MinRate
	limits.Height, limits.Time = job.Height, parent.MedianTime()
	t := template{parent: parent, chosen: s.Pool.Template(limits)}
	sigOps := limits.SigOps
	last := built{Txs: len(t.chosen), Weight: limits.Reserved}
	for _, e := range t.chosen {
		job.Txs = append(job.Txs, e.Tx)
		job.Fees += e.Fee
		sigOps += e.SigOps
		last.Weight += e.Tx.Weight()
		if n.Settings.Mining.Print {
			rate := e.Fee * 1000 / e.VSize
			n.Log.Info(fmt.Sprintf("fee rate %d.%08d BTC/kvB txid %s", rate/consensus.Coin, rate%consensus.Coin, e.Tx.ID))
		}
	}
	t.block = mining.Assemble(job)
	n.built.Store(&last)
	n.Log.Info(fmt.Sprintf("CreateNewBlock(): block weight: %d txs: %d fees: %d sigops %d", t.block.Weight(), len(t.chosen), job.Fees, sigOps))
	return t
}

// generate mines count blocks and returns their hashes. It ends early when it
// runs out of tries for one block.
func (n *miner) generate(ctx context.Context, count int, script []byte, tries uint64) ([]string, error) {
	hashes := []string{}
	for len(hashes) < count && ctx.Err() == nil {
		var t template
		if err := n.Owner.Do(ctx, func(s *chainstate.State) error { t = n.assemble(s, script); return nil }); err != nil {
			return nil, err
		}
		solved, left := mining.Solve(t.block, n.Params, tries)
		tries = left
		if solved == nil {
			if left == 0 {
				break
			}
			continue // all nonces failed: the time will differ
		}
		if err := n.submitOwn(ctx, solved); err != nil {
			return nil, err
		}
		hashes = append(hashes, solved.Hash.String())
	}
	return hashes, ctx.Err()
}

// submitOwn offers a block of ours to the chain.
func (n *miner) submitOwn(ctx context.Context, block *consensus.Block) error {
	verdict, err := n.Owner.ProcessOwnBlock(ctx, block)
	if err == nil && verdict.Reject != nil {
		err = rpc.Errorf(rpc.InternalError, "ProcessNewBlock, block not accepted")
	}
	return err
}

// exact builds and solves a block of just the given transactions.
func (n *miner) exact(ctx context.Context, script []byte, txs []*consensus.Tx) (*consensus.Block, error) {
	var block *consensus.Block
	err := n.Owner.Do(ctx, func(s *chainstate.State) error {
		job := n.job(n.Tree.View().Tip(), script)
		job.Txs = txs
		block = mining.Assemble(job)
		err := s.Chain.TestBlock(block, s.Now())
		var reject *consensus.Reject
		if errors.As(err, &reject) {
			return rpc.Errorf(rpc.VerifyError, "TestBlockValidity failed: %s", reject.Error())
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	solved, _ := mining.Solve(block, n.Params, defaultTries)
	if solved == nil {
		return nil, rpc.Errorf(rpc.MiscError, "Failed to make block.")
	}
	return solved, nil
}
