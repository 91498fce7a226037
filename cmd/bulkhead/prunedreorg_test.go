package main_test

import (
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// branchOn is a branch of empty blocks, the first of which is so much later than its
// parent: branches with the same parent differ by that.
func branchOn(t testing.TB, parent *wire.MsgBlock, height int32, blocks int, later time.Duration) (branch []*wire.MsgBlock) {
	for range blocks {
		height++
		block := childOf(t, parent, height)
		if len(branch) == 0 {
			block.Header.Timestamp = block.Header.Timestamp.Add(later)
			block = solved(block)
		}
		branch, parent = append(branch, block), block
	}
	return branch
}

// leads has a peer bring a branch, and waits until the node follows it.
func (p *blockPeer) leads(n *node, branch []*wire.MsgBlock) {
	n.t.Helper()
	for _, block := range branch {
		p.has(block)
	}
	p.announce(branch...)
	n.eventuallyTip(branch[len(branch)-1].BlockHash().String())
}

// A pruned node is led back to a branch of which it has deleted the first blocks, by
// peers that bring the last ones and never the first (core#35070). It follows when somebody
// does, and nothing is wrong with its chain.
func TestAPrunedNodeIsLedFarBack(t *testing.T) {
	// Block files are small: the first one ends within the stale branch and can be deleted,
	// the next begins with its last blocks and has those behind the fork.
	const fork, first, second, third = 100, 280, 560, 300
	n := startNode(t, "regtest", "-noconnect", "-disablewallet", "-fastprune", "-prune=1", "-p2pworkers=2")
	n.mine(fork)
	root := blockOfHex(t, n.must("getblock", n.tip(), 0).(string))
	honest := dialBlockPeer(n, map[chainhash.Hash]*wire.MsgBlock{})
	stale := branchOn(t, root, fork, first+third, 0)
	honest.leads(n, stale[:first])
	honest.leads(n, branchOn(t, root, fork, second, time.Second))
	pids := n.pids("node")
	n.must("pruneblockchain", fork+second-288)
	require.Error(t, blockKnown(n, stale[0]), "it is pruned")
	require.NoError(t, blockKnown(n, stale[first-1]), "it is not")

	last := stale[first:]
	n.isBrought(last)
	require.Error(t, blockKnown(n, stale[0]))
	n.must("pruneblockchain", fork+second-288)
	require.True(t, honest.sync())
	other := dialBlockPeer(n, map[chainhash.Hash]*wire.MsgBlock{})
	for _, block := range stale[:first] {
		other.has(block)
	}
	other.leads(n, last)
	require.Equal(t, pids, n.pids("node"))
	require.Equal(t, true, n.must("verifychain", 4, 300))
	n.stop()
	n.start()
	require.Equal(t, last[len(last)-1].BlockHash().String(), n.tip())
	n.stop()
}

// isBrought has so many peers bring blocks that each is asked for some of those before,
// which they owe until they leave, and the last are asked for these.
func (n *node) isBrought(blocks []*wire.MsgBlock) {
	n.t.Helper()
	for range 30 {
		p := dialBlockPeer(n, map[chainhash.Hash]*wire.MsgBlock{})
		defer p.leave()
		for _, block := range blocks {
			p.has(block)
		}
		p.announce(blocks...)
	}
	n.eventually("the blocks", func() error {
		for _, block := range blocks {
			if err := blockKnown(n, block); err != nil {
				return err
			}
		}
		return nil
	})
}

func blockKnown(n *node, block *wire.MsgBlock) error {
	_, err := n.call("getblock", block.BlockHash().String(), 0)
	return err
}
