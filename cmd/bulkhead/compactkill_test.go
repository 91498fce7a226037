package main_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Between a compact block and its missing transactions the node keeps nothing: killed
// there, it takes the block from the same connection all the same.
func TestTheNodeDiesBetweenACompactBlockAndItsTransactions(t *testing.T) {
	s := besiege(t)
	block := s.beginsCompact(t)
	before, workers := s.pids("node"), s.pids("worker")
	kill(t, before[0])
	s.honest.say(blockTxnOf(t, block, block.Transactions[1:]...))
	s.eventually("the node", func() error {
		_, err := s.call("getblockcount")
		return err
	})
	s.eventuallyTip(block.BlockHash().String())
	require.NotEqual(t, before, s.pids("node"))
	require.True(t, slices.Contains(s.pids("worker"), workers[0]), "the connection outlives the node")
	require.True(t, s.honest.sync())
	s.stop()
}
