package main

import (
	"bytes"
	"io"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Limits of Bitcoin Core's policy.
const (
	maxStandardWeight        = 400_000 // MAX_STANDARD_TX_WEIGHT
	maxStandardWitnessScript = 3600    // MAX_STANDARD_P2WSH_SCRIPT_SIZE
	maxStandardStackItem     = 80      // MAX_STANDARD_P2WSH_STACK_ITEM_SIZE, and the same of tapscript
	maxStandardScriptSig     = 1650    // MAX_STANDARD_SCRIPTSIG_SIZE
)

// placed is an unspent output.
type placed struct {
	out    *wire.TxOut
	height int32
}

// replay verifies a chain as policy does, and hands every input to visit.
type replay struct {
	t      *testing.T
	coins  map[wire.OutPoint]placed
	height int32
	visit  func(tx *wire.MsgTx, input int, spent placed, height int32)
}

// readAgain makes a chain and replays it.
func readAgain(t *testing.T, c chain, visit func(tx *wire.MsgTx, input int, spent placed, height int32)) {
	t.Helper()
	path, err := chainFile(t.TempDir(), c, io.Discard)
	require.NoError(t, err)
	r := &replay{t: t, coins: map[wire.OutPoint]placed{}, visit: visit}
	require.NoError(t, readChain(path, func(_ int64, raw []byte) error {
		var block wire.MsgBlock
		if err := block.Deserialize(bytes.NewReader(raw)); err != nil {
			return err
		}
		r.block(&block)
		return nil
	}))
	require.Equal(t, c.blocks(), int(r.height))
}

func (r *replay) block(b *wire.MsgBlock) {
	r.height++
	weight, sigOps := 0, 0
	for i, msg := range b.Transactions {
		tx := consensus.NewTx(msg)
		weight += tx.Weight()
		sigOps += consensus.SigOpsCost(tx, r.spent(msg), txscript.StandardVerifyFlags)
		if i > 0 {
			r.transaction(tx)
		}
		for out := range msg.TxOut {
			r.coins[wire.OutPoint{Hash: tx.ID, Index: uint32(out)}] = placed{msg.TxOut[out], r.height}
		}
	}
	require.LessOrEqual(r.t, weight, consensus.MaxBlockWeight)
	require.LessOrEqual(r.t, sigOps, consensus.MaxBlockSigOpsCost)
}

func (r *replay) spent(tx *wire.MsgTx) (list []coins.Coin) {
	for _, in := range tx.TxIn {
		if c, ok := r.coins[in.PreviousOutPoint]; ok {
			list = append(list, coins.Coin{Script: c.out.PkScript})
		}
	}
	return list
}

func (r *replay) transaction(tx *consensus.Tx) {
	require.LessOrEqual(r.t, tx.Weight(), maxStandardWeight)
	require.Less(r.t, tx.LockTime, uint32(r.height))
	fetcher := txscript.NewMultiPrevOutFetcher(nil)
	var value int64
	for _, in := range tx.TxIn {
		c, ok := r.coins[in.PreviousOutPoint]
		require.True(r.t, ok, "block %d spends what is not there", r.height)
		fetcher.AddPrevOut(in.PreviousOutPoint, c.out)
		value += c.out.Value
	}
	for _, out := range tx.TxOut {
		value -= out.Value
		require.NotEqual(r.t, txscript.NonStandardTy, txscript.GetScriptClass(out.PkScript))
	}
	require.GreaterOrEqual(r.t, value, int64(tx.Weight())/4, "the fee")
	hashes := txscript.NewTxSigHashes(tx.MsgTx, fetcher)
	for i, in := range tx.TxIn {
		c := r.coins[in.PreviousOutPoint]
		r.input(tx.MsgTx, i, c, hashes, fetcher)
		r.visit(tx.MsgTx, i, c, r.height)
		delete(r.coins, in.PreviousOutPoint)
	}
}

func (r *replay) input(tx *wire.MsgTx, i int, c placed, hashes *txscript.TxSigHashes, fetcher txscript.PrevOutputFetcher) {
	engine, err := txscript.NewEngine(c.out.PkScript, tx, i, txscript.StandardVerifyFlags, nil, hashes, c.out.Value, fetcher)
	require.NoError(r.t, err)
	require.NoError(r.t, engine.Execute())
	in := tx.TxIn[i]
	if in.Sequence&wire.SequenceLockTimeDisabled == 0 {
		require.GreaterOrEqual(r.t, r.height-c.height, int32(in.Sequence), "the relative lock time")
	}
	require.LessOrEqual(r.t, len(in.SignatureScript), maxStandardScriptSig)
	stack := in.Witness
	if txscript.IsPayToTaproot(c.out.PkScript) && len(stack) > 1 {
		stack = stack[:len(stack)-2]
	} else if txscript.IsPayToWitnessScriptHash(c.out.PkScript) {
		require.LessOrEqual(r.t, len(stack[len(stack)-1]), maxStandardWitnessScript)
		stack = stack[:len(stack)-1]
	}
	for _, item := range stack {
		require.LessOrEqual(r.t, len(item), maxStandardStackItem)
	}
}
