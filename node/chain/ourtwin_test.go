package chain_test

import (
	"errors"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// ourTwin is our engine.
type ourTwin struct {
	t   testing.TB
	e   *chain.Engine
	now int64
	// headersFirst: a block may come before its parent if all headers up to it
	// are known.
	headersFirst bool
	census       *census
	tell         func(format string, args ...any)
	depth        int // blocks disconnected in a row
}

func newOurTwin(t testing.TB, now int64, count *census, tell func(string, ...any)) *ourTwin {
	p := chaintest.Regtest(t)
	disk := chaintest.OpenDisk(t, t.TempDir(), p)
	t.Cleanup(func() { disk.Close(t) })
	o := &ourTwin{t: t, now: now, census: count, tell: tell}
	var err error
	o.e, err = chain.Open(disk.Config(p), now)
	require.NoError(t, err)
	return o
}

func (o *ourTwin) hear(ev chain.Event) {
	switch ev := ev.(type) {
	case chain.Disconnected:
		o.depth++
	case chain.Refused:
		o.tell("  refused: %s: %v", short(ev.Node.Hash), ev.Reject)
		o.census.refused[ev.Reject.Reason]++
	case chain.TipChanged:
		o.tell("  tip: %s at %d", short(ev.Tip.Hash), ev.Tip.Height)
		o.census.noteReorg(o.depth)
		o.depth = 0
	}
}

func (o *ourTwin) knows(hash chainhash.Hash) bool { return o.e.Lookup(hash) != nil }

// announce tells the header of a block that may come later.
func (o *ourTwin) announce(header wire.BlockHeader) {
	if !o.headersFirst {
		return
	}
	_, _, err := o.e.AcceptHeaders([]wire.BlockHeader{header}, o.now)
	o.note(err)
}

func (o *ourTwin) give(block *consensus.Block) {
	parsed, err := consensus.ParseBlock(block.Raw)
	require.NoError(o.t, err)
	_, _, err = o.e.AcceptBlock(parsed, true, o.now)
	o.note(err)
	require.NoError(o.t, chaintest.Activate(o.e, o.now, o.hear))
	o.depth = 0
}

// note checks that a failure is a broken rule.
func (o *ourTwin) note(err error) {
	if err == nil {
		return
	}
	var reject *consensus.Reject
	require.True(o.t, errors.As(err, &reject), "%v", err)
	o.tell("  not accepted: %v", reject)
	o.census.refused[reject.Reason]++
}

func (o *ourTwin) tip() chainhash.Hash { return o.e.View().Tip().Hash }

func (o *ourTwin) coin(op wire.OutPoint) (coins.Coin, bool) {
	coin, there, err := o.e.Coins().Get(op)
	require.NoError(o.t, err)
	return coin, there
}
