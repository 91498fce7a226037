package main_test

import (
	"slices"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// Between a compact block and its missing transactions the node keeps nothing: killed
// there, it takes the block from the same connection all the same.
func TestTheNodeDiesBetweenACompactBlockAndItsTransactions(t *testing.T) {
	s := besiege(t)
	block := s.template(s.spend(1, 10_000), s.spend(1, 20_000))
	s.honest.say(rawMessage{"sendcmpct", []byte{1, 2, 0, 0, 0, 0, 0, 0, 0}})
	headers := wire.NewMsgHeaders()
	require.NoError(t, headers.AddBlockHeader(&block.Header))
	s.honest.say(headers)
	require.True(t, s.honest.sync())
	s.honest.say(compactOf(t, block)) // two are missing
	require.True(t, s.honest.sync())
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
