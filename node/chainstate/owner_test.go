package chainstate_test

import (
	"bytes"
	"io"
	"log/slog"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// files are block files that tell when undo data is written above a block.
type files struct {
	chain.BlockFiles
	undoAbove func(prev chainhash.Hash)
}

func (f files) AppendUndo(file int32, prev chainhash.Hash, undo []byte) (uint32, error) {
	f.undoAbove(prev)
	return f.BlockFiles.AppendUndo(file, prev, undo)
}

func open(t *testing.T, disk *chaintest.Disk, now int64, undoAbove func(chainhash.Hash), observe func(chainstate.Event), change ...func(*mempool.Config)) *chainstate.Owner {
	t.Helper()
	cfg := disk.Config(chaintest.Regtest(t))
	cfg.Blocks = files{cfg.Blocks, undoAbove}
	pool := mempool.DefaultConfig()
	pool.RequireStandard = false // coinbases pay to OP_TRUE
	for _, change := range change {
		change(&pool)
	}
	owner, err := chainstate.Open(chainstate.Config{
		Chain: cfg, Mempool: pool, Now: func() int64 { return now },
		Observe: observe, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	require.NoError(t, err)
	return owner
}

// slowScript takes about as long as a signature to run, without one.
func slowScript() []byte {
	script := append([]byte{txscript.OP_PUSHDATA2, 8, 2}, bytes.Repeat([]byte{1}, 520)...)
	for range 66 { // the limit is 201 operations
		script = append(script, txscript.OP_DUP, txscript.OP_HASH256, txscript.OP_DROP)
	}
	return script
}

// slowBlock returns a block, on two others, whose scripts run for a while.
func slowBlock(base *chaintest.Spot) *chaintest.Spot { return slowerBlock(base, 500) }

// slowerBlock has so many inputs.
func slowerBlock(base *chaintest.Spot, inputs int) *chaintest.Spot {
	fan := chaintest.Spend([]wire.OutPoint{base.Coinbase(1)}, make([]int64, inputs)...).Copy()
	for _, out := range fan.TxOut {
		out.PkScript = slowScript()
	}
	spender := &wire.MsgTx{Version: 2, TxOut: []*wire.TxOut{{PkScript: []byte{txscript.OP_TRUE}}}}
	id := fan.TxHash()
	for i := range fan.TxOut {
		spender.TxIn = append(spender.TxIn, &wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: id, Index: uint32(i)}})
	}
	return base.Next(consensus.NewTx(fan)).Next(consensus.NewTx(spender))
}

// Once a stop is wished, no block is connected any more, also none of those
// above a block whose scripts have just ended; the next start connects them.
func TestNoBlockIsConnectedAfterStop(t *testing.T) {
	disk := chaintest.OpenDisk(t, t.TempDir(), chaintest.Regtest(t))
	defer disk.Close(t)
	slow := slowBlock(chaintest.Genesis(t, chaintest.Regtest(t)).Extend(101, 0))
	tip := slow.Extend(40, 0)
	late := tip.Time() + 10*365*24*60*60 // in initial download
	highest := int32(0)                  // connected
	var owner *chainstate.Owner
	stop := func(prev chainhash.Hash) { // while the slow block is being connected
		if prev == slow.Parent.Hash {
			owner.Stop()
		}
	}
	owner = open(t, disk, late, stop, func(ev chainstate.Event) {
		if c, ok := ev.(chainstate.BlockConnected); ok {
			highest = c.Node.Height
		}
	})
	require.NoError(t, owner.Do(t.Context(), func(s *chainstate.State) error {
		for _, spot := range tip.Path() {
			if _, _, err := s.Chain.AcceptBlock(spot.Block, true, late); err != nil {
				return err
			}
		}
		return nil
	}))
	require.ErrorIs(t, owner.ConnectStored(t.Context()), chain.ErrInterrupted)
	require.NoError(t, owner.Close())
	require.Equal(t, slow.Height, highest)
	require.Equal(t, slow.Height, owner.Chain().View().Height())

	owner = open(t, disk, late, func(chainhash.Hash) {}, func(chainstate.Event) {})
	require.Equal(t, slow.Height, owner.Chain().View().Height())
	require.NoError(t, owner.ConnectStored(t.Context()))
	require.Equal(t, tip.Height, owner.Chain().View().Height())
	require.NoError(t, owner.Close())
}
