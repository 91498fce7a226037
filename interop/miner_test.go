package interop

import (
	"bytes"
	"encoding/hex"
	"math/big"
	"strconv"
	"testing"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcjson"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/rpcclient"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// build makes of a template the block that a miner would solve. extra is added to what
// the coinbase takes.
func build(t *testing.T, template *btcjson.GetBlockTemplateResult, extra int64) *btcutil.Block {
	height, err := txscript.NewScriptBuilder().AddInt64(template.Height).AddData([]byte("interop")).Script()
	require.NoError(t, err)
	coinbase := wire.NewMsgTx(2)
	coinbase.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&chainhash.Hash{}, wire.MaxPrevOutIndex), height, wire.TxWitness{make([]byte, 32)}))
	coinbase.AddTxOut(wire.NewTxOut(*template.CoinbaseValue+extra, scriptOf(t, others)))
	coinbase.AddTxOut(wire.NewTxOut(0, fromHex(t, template.DefaultWitnessCommitment)))
	previous, err := chainhash.NewHashFromStr(template.PreviousHash)
	require.NoError(t, err)
	bits, err := strconv.ParseUint(template.Bits, 16, 32)
	require.NoError(t, err)
	msg := wire.NewMsgBlock(wire.NewBlockHeader(template.Version, previous, &chainhash.Hash{}, uint32(bits), 0))
	msg.Header.Timestamp = time.Unix(template.CurTime, 0)
	require.NoError(t, msg.AddTransaction(coinbase))
	for _, tx := range template.Transactions {
		var m wire.MsgTx
		require.NoError(t, m.Deserialize(bytes.NewReader(fromHex(t, tx.Data))))
		require.Equal(t, tx.TxID, m.TxHash().String())
		require.Equal(t, tx.Hash, m.WitnessHash().String())
		require.NoError(t, msg.AddTransaction(&m))
	}
	msg.Header.MerkleRoot = blockchain.CalcMerkleRoot(btcutil.NewBlock(msg).Transactions(), false)
	return btcutil.NewBlock(msg)
}

// solve searches a nonce, below the target that the template tells.
func solve(t *testing.T, template *btcjson.GetBlockTemplateResult, block *btcutil.Block) *btcutil.Block {
	target, ok := new(big.Int).SetString(template.Target, 16)
	require.True(t, ok)
	msg := block.MsgBlock()
	for hash := msg.BlockHash(); blockchain.HashToBig(&hash).Cmp(target) > 0; hash = msg.BlockHash() {
		msg.Header.Nonce++
	}
	return btcutil.NewBlock(msg)
}

// requireSound lets btcd judge the block, and the sums in the template.
func requireSound(t *testing.T, template *btcjson.GetBlockTemplateResult, block *btcutil.Block) {
	require.NoError(t, blockchain.CheckBlockSanity(block, chaincfg.RegressionNetParams.PowLimit, blockchain.NewMedianTime()))
	require.NoError(t, blockchain.ValidateWitnessCommitment(block))
	paid := int64(coinbaseValue)
	for i, tx := range template.Transactions {
		paid += tx.Fee
		require.Equal(t, blockchain.GetTransactionWeight(block.Transactions()[i+1]), tx.Weight)
	}
	require.Equal(t, paid, *template.CoinbaseValue)
}

// propose asks whether a block that is not solved is otherwise good; nil, if so.
func propose(n *node, block *btcutil.Block) any {
	raw, err := block.Bytes()
	require.NoError(n.t, err)
	return get[any](n, "getblocktemplate", map[string]any{"mode": "proposal", "rules": []string{"segwit"}, "data": hex.EncodeToString(raw)})
}

// sendPair sends a transaction and one that spends it.
func sendPair(n *node, client *rpcclient.Client, coins *coins) (parent, child *chainhash.Hash) {
	first := coins.pay(n.t, nobodys)
	second := spend(n.t, wire.OutPoint{Hash: first.TxHash()}, coinbaseValue-fee, nobodys, 2*fee)
	parent, err := client.SendRawTransaction(first, false)
	require.NoError(n.t, err)
	child, err = client.SendRawTransaction(second, false)
	require.NoError(n.t, err)
	return parent, child
}

// A miner waits with a long poll, solves what it is given, and is given the next by the
// block that it submits.
func TestAMinerFollowsTemplates(t *testing.T) {
	n := startNode(t)
	client, waiting := startRPCClient(n), startRPCClient(n)
	coins := mineCoins(n)
	rules := []string{"segwit"}
	template, err := client.GetBlockTemplate(&btcjson.TemplateRequest{Rules: rules})
	require.NoError(t, err)
	for range 20 {
		parent, child := sendPair(n, client, coins)
		next := waiting.GetBlockTemplateAsync(&btcjson.TemplateRequest{Rules: rules, LongPollID: template.LongPollID})
		block := build(t, template, 0)
		require.Nil(t, propose(n, block))
		require.Equal(t, "bad-cb-amount", propose(n, build(t, template, 1)))
		require.EqualError(t, client.SubmitBlock(solve(t, template, build(t, template, 1)), nil), "bad-cb-amount")
		block = solve(t, template, block)
		requireSound(t, template, block)
		require.NoError(t, client.SubmitBlock(block, nil))
		require.EqualError(t, client.SubmitBlock(block, nil), "duplicate")
		require.Equal(t, block.Hash().String(), best(n))
		template, err = next.Receive()
		require.NoError(t, err)

		require.Equal(t, block.Hash().String(), template.PreviousHash)
		require.Len(t, template.Transactions, 2)
		require.Equal(t, [2]string{parent.String(), child.String()}, [2]string{template.Transactions[0].TxID, template.Transactions[1].TxID})
		require.Equal(t, []int64{1}, template.Transactions[1].Depends)
	}
	require.Equal(t, 140, get[int](n, "getblockcount"))
	require.Len(t, get[[]string](n, "getrawmempool"), 2)
}
