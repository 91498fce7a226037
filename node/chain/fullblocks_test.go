package chain_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/btcsuite/btcd/blockchain/fullblocktests"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// fullBlocks is an engine for btcd's generated chain, in which no soft fork
// after BIP66 is in force.
type fullBlocks struct {
	t *testing.T
	e *chain.Engine
	// now is the real time, which the generator reads to make a block that is
	// too far in the future.
	now int64
	// orphans wait for their parents: the engine does not keep them.
	orphans map[chainhash.Hash][][]byte
	met     int
	gone    []*chain.BlockNode // about which something is expected
	// expected are outputs to look for when a block is disconnected.
	expected map[chainhash.Hash][]fullblocktests.BlockDisconnectExpectUTXO
}

func newFullBlocks(t *testing.T) *fullBlocks {
	p := chaintest.Regtest(t)
	const never = 1 << 30
	p.CSVHeight, p.SegwitHeight = never, never
	disk := chaintest.OpenDisk(t, t.TempDir(), p)
	t.Cleanup(func() { disk.Close(t) })
	f := &fullBlocks{
		t: t, now: time.Now().Unix(), orphans: map[chainhash.Hash][][]byte{},
		expected: map[chainhash.Hash][]fullblocktests.BlockDisconnectExpectUTXO{},
	}
	var err error
	f.e, err = chain.Open(disk.Config(p), f.now)
	require.NoError(t, err)
	return f
}

func (f *fullBlocks) hear(ev chain.Event) {
	if gone, ok := ev.(chain.Disconnected); ok && len(f.expected[gone.Node.Hash]) > 0 {
		f.gone = append(f.gone, gone.Node)
	}
}

// meet goes back to before a block that has left the chain, and looks for the
// coins that are expected there.
func (f *fullBlocks) meet(gone *chain.BlockNode) {
	view := f.e.View()
	instead := view.At(view.Fork(gone).Height + 1).Hash
	for _, hash := range []chainhash.Hash{instead, gone.Hash} {
		require.NoError(f.t, f.e.Invalidate(hash, f.now))
		require.NoError(f.t, chaintest.Activate(f.e, f.now, nil))
	}
	require.Equal(f.t, gone.Parent, f.e.View().Tip())
	for _, s := range f.expected[gone.Hash] {
		_, there, err := f.e.Coins().Get(s.OutPoint)
		require.NoError(f.t, err)
		require.Equal(f.t, s.Expected, there, s.Name)
		f.met++
	}
	require.NoError(f.t, f.e.Reconsider(instead))
	require.NoError(f.t, f.e.Reconsider(gone.Hash))
	require.NoError(f.t, chaintest.Activate(f.e, f.now, nil))
}

// give returns whether the block is known and not refused.
func (f *fullBlocks) give(msg *wire.MsgBlock) bool {
	var raw bytes.Buffer
	require.NoError(f.t, msg.Serialize(&raw))
	return f.giveRaw(raw.Bytes())
}

func (f *fullBlocks) giveRaw(raw []byte) bool {
	block, err := consensus.ParseBlock(raw)
	if err != nil {
		return false
	}
	n, _, err := f.e.AcceptBlock(block, true, f.now)
	if errors.Is(err, consensus.MissingPrev) {
		f.orphans[block.Header.PrevBlock] = append(f.orphans[block.Header.PrevBlock], raw)
	}
	if err != nil {
		return false
	}
	require.NoError(f.t, chaintest.Activate(f.e, f.now, f.hear))
	for _, gone := range f.gone {
		f.meet(gone)
	}
	f.gone = nil
	good := !f.e.Info(n).Failed
	waiting := f.orphans[block.Hash]
	delete(f.orphans, block.Hash)
	for _, raw := range waiting {
		good = f.giveRaw(raw) && good
	}
	return good
}

// The rules of blocks, as btcd's generator exercises them.
func TestFullBlocks(t *testing.T) {
	tests, err := fullblocktests.Generate(false)
	require.NoError(t, err)
	f := newFullBlocks(t)
	count := 0
	for _, steps := range tests {
		for _, step := range steps {
			count++
			switch s := step.(type) {
			case fullblocktests.AcceptedBlock:
				accepted := f.give(s.Block)
				require.Equal(t, !s.IsOrphan, accepted, s.Name)
				require.Equal(t, s.IsMainChain, f.e.View().Tip().Hash == s.Block.BlockHash(), s.Name)
			case fullblocktests.RejectedBlock:
				// The fault of b56p2 shows when it is connected, and it has no more
				// work than the tip.
				require.Equal(t, s.Name == "b56p2", f.give(s.Block), s.Name)
				require.NotEqual(t, s.Block.BlockHash(), f.e.View().Tip().Hash, s.Name)
			case fullblocktests.RejectedNonCanonicalBlock:
				require.False(t, f.giveRaw(s.RawBlock), s.Name)
			case fullblocktests.OrphanOrRejectedBlock:
				require.False(t, f.give(s.Block), s.Name)
			case fullblocktests.ExpectedTip:
				require.Equal(t, s.Block.BlockHash(), f.e.View().Tip().Hash, s.Name)
			case fullblocktests.BlockDisconnectExpectUTXO:
				f.expected[s.BlockHash] = append(f.expected[s.BlockHash], s)
			}
		}
	}
	require.Greater(t, count, 150)
	require.Positive(t, f.met)
}
