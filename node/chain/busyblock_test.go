package chain_test

import (
	"maps"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// busyRig is an engine whose tip is the parent of a block of mainnet with many
// payments, and which has the coins that those spend.
func busyRig(t *testing.T, block *consensus.Block, set map[wire.OutPoint]coins.Coin) *chain.Engine {
	p := mainnet(t)
	p.AssumeValid = chainhash.Hash{}
	disk := chaintest.OpenDisk(t, t.TempDir(), p)
	t.Cleanup(func() { disk.Close(t) })
	e, err := chain.Open(disk.Config(p), mainnetNow)
	require.NoError(t, err)
	before := block.Header.Timestamp.Add(-time.Minute)
	require.NoError(t, e.BeginAt(block.Header.PrevBlock, chaintest.BusyHeight-1, before, block.Header.Bits, set))
	require.Equal(t, block.Header.PrevBlock, e.View().Tip().Hash)
	return e
}

// present returns which of the outputs that matter to a block are in the set.
func present(t *testing.T, e *chain.Engine, set map[wire.OutPoint]coins.Coin, block *consensus.Block) map[wire.OutPoint]coins.Coin {
	found := map[wire.OutPoint]coins.Coin{}
	look := func(op wire.OutPoint) {
		coin, there, err := e.Coins().Get(op)
		require.NoError(t, err)
		if there {
			found[op] = coin
		}
	}
	for op := range set {
		look(op)
	}
	for _, tx := range block.Txs {
		for i := range tx.TxOut {
			look(wire.OutPoint{Hash: tx.ID, Index: uint32(i)})
		}
	}
	return found
}

// applied is what has to become of a set by a block, by the plainest of means.
func applied(set map[wire.OutPoint]coins.Coin, block *consensus.Block, height int32) map[wire.OutPoint]coins.Coin {
	after := maps.Clone(set)
	for i, tx := range block.Txs {
		for _, in := range tx.TxIn {
			delete(after, in.PreviousOutPoint)
		}
		for j, out := range tx.TxOut {
			if !output.Unspendable(out.PkScript) {
				after[wire.OutPoint{Hash: tx.ID, Index: uint32(j)}] = coins.Coin{
					Value: out.Value, Script: out.PkScript, Height: height, Coinbase: i == 0,
				}
			}
		}
	}
	return after
}

func TestBusyBlockOfMainnet(t *testing.T) {
	block, set := chaintest.BusyBlock(t), chaintest.BusyCoins(t)
	require.Greater(t, len(block.Txs), 150)
	require.Greater(t, len(set), 600)
	e := busyRig(t, block, set)
	_, _, err := e.AcceptBlock(block, true, mainnetNow)
	require.NoError(t, err)
	require.NoError(t, chaintest.Activate(e, mainnetNow, nil))
	require.Equal(t, block.Hash, e.View().Tip().Hash)
	require.Equal(t, int32(chaintest.BusyHeight), e.View().Height())
	require.Equal(t, applied(set, block, chaintest.BusyHeight), present(t, e, set, block))

	_, _, err = e.Verify(chain.VerifyConnect, 1)
	require.NoError(t, err)
	require.NoError(t, e.Invalidate(block.Hash, mainnetNow))
	chaintest.Tell(e, nil)
	require.Equal(t, block.Header.PrevBlock, e.View().Tip().Hash)
	require.Equal(t, set, present(t, e, set, block))
}

// Any payment of the block with a changed byte of a signature is refused. The
// block has to be judged without its proof of work then.
func TestBusyBlockWithAChangedSignature(t *testing.T) {
	block, set := chaintest.BusyBlock(t), chaintest.BusyCoins(t)
	e := busyRig(t, block, set)
	require.NoError(t, e.TestBlock(block, mainnetNow))
	changed := 0
	for i, tx := range block.Txs {
		coin := set[tx.TxIn[0].PreviousOutPoint]
		if !txscript.IsPayToPubKeyHash(coin.Script) || spentWithin(block, tx) {
			continue
		}
		msg := tx.Copy()
		const inS = 45 // beyond R in any signature
		msg.TxIn[0].SignatureScript[inS] ^= 1
		txs := append([]*consensus.Tx{}, block.Txs...)
		txs[i] = consensus.NewTx(msg)
		header := block.Header
		header.MerkleRoot, _ = consensus.MerkleRoot(txs)
		err := e.TestBlock(consensus.NewBlock(header, txs), mainnetNow)
		var reject *consensus.Reject
		require.ErrorAs(t, err, &reject, "transaction %d", i)
		require.Equal(t, "block-script-verify-flag-failed (Script evaluated without error but finished with a false/empty top stack element)", reject.Reason)
		require.Contains(t, reject.Detail, txs[i].ID.String())
		if changed++; changed == 20 {
			break
		}
	}
	require.Equal(t, 20, changed)
	require.Equal(t, block.Header.PrevBlock, e.View().Tip().Hash)
	require.Equal(t, set, present(t, e, set, block))
}

// spentWithin reports whether a later transaction of a block spends from one.
func spentWithin(block *consensus.Block, tx *consensus.Tx) bool {
	for _, other := range block.Txs {
		for _, in := range other.TxIn {
			if in.PreviousOutPoint.Hash == tx.ID {
				return true
			}
		}
	}
	return false
}
