package interop

import (
	"testing"

	"github.com/btcsuite/btcd/btcjson"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/rpcclient"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// startRPCClient connects btcsuite's as it is meant for a bitcoind: with POST, no TLS.
func startRPCClient(n *node) *rpcclient.Client {
	user, password := n.cookie()
	client, err := rpcclient.New(&rpcclient.ConnConfig{
		Host: n.host(), User: user, Pass: password, HTTPPostMode: true, DisableTLS: true,
	}, nil)
	require.NoError(n.t, err)
	n.t.Cleanup(func() {
		client.Shutdown()
		client.WaitForShutdown()
	})
	return client
}

// It asks a node what it is, and does more or less by the answer.
func TestRPCClientTakesUsForBitcoind(t *testing.T) {
	n := startNode(t)
	client := startRPCClient(n)
	version, err := client.BackendVersion()
	require.NoError(t, err)
	require.Equal(t, rpcclient.BitcoindPost25, *version.(*rpcclient.BitcoindVersion))
	network, err := client.GetNetworkInfo()
	require.NoError(t, err)
	require.True(t, network.NetworkActive)
	require.GreaterOrEqual(t, network.Version, int32(310000))
	require.Len(t, network.Networks, 5)
	chain, err := client.GetBlockChainInfo()
	require.NoError(t, err)
	require.Equal(t, "regtest", chain.Chain)
	require.False(t, chain.Pruned)
	totals, err := client.GetNetTotals()
	require.NoError(t, err)
	require.NotZero(t, totals.TimeMillis)
}

func TestRPCClientReadsBlocksInEveryVerbosity(t *testing.T) {
	n := startNode(t)
	client := startRPCClient(n)
	hashes, err := client.GenerateToAddress(3, decode(t, nobodys), nil)
	require.NoError(t, err)
	best, err := client.GetBestBlockHash()
	require.NoError(t, err)
	require.Equal(t, hashes[2], best)
	raw, err := client.GetBlock(hashes[1])
	require.NoError(t, err)
	require.Equal(t, *hashes[1], raw.BlockHash())
	ids, err := client.GetBlockVerbose(hashes[1])
	require.NoError(t, err)
	require.Equal(t, []string{raw.Transactions[0].TxHash().String()}, ids.Tx)
	require.Equal(t, [3]any{int64(2), hashes[0].String(), hashes[2].String()}, [3]any{ids.Height, ids.PreviousHash, ids.NextHash})
	whole, err := client.GetBlockVerboseTx(hashes[1])
	require.NoError(t, err)
	require.Equal(t, ids.Tx[0], whole.Tx[0].Txid)
	require.Equal(t, nobodys, whole.Tx[0].Vout[0].ScriptPubKey.Address)
	require.Equal(t, 50.0, whole.Tx[0].Vout[0].Value)
	header, err := client.GetBlockHeader(hashes[1])
	require.NoError(t, err)
	require.Equal(t, raw.Header, *header)
	stats, err := client.GetBlockStats(hashes[1], nil)
	require.NoError(t, err)
	require.Equal(t, int64(50e8), stats.Subsidy)
	tips, err := client.GetChainTips()
	require.NoError(t, err)
	require.Equal(t, "active", tips[0].Status)
	out, err := client.GetTxOut(new(raw.Transactions[0].TxHash()), 0, false)
	require.NoError(t, err)
	require.Equal(t, [2]any{int64(2), true}, [2]any{out.Confirmations, out.Coinbase})
}

func TestRPCClientSendsATransactionAndSeesItInTheMempool(t *testing.T) {
	n := startNode(t)
	client := startRPCClient(n)
	tx := mineCoins(n).pay(t, nobodys)
	accepts, err := client.TestMempoolAccept([]*wire.MsgTx{tx}, 0.1)
	require.NoError(t, err)
	require.True(t, accepts[0].Allowed)
	sent, err := client.SendRawTransaction(tx, false)
	require.NoError(t, err)
	require.Equal(t, tx.TxHash(), *sent)
	pool, err := client.GetRawMempoolVerbose()
	require.NoError(t, err)
	require.Contains(t, pool, sent.String())
	require.EqualValues(t, 110, accepts[0].Vsize)
	require.EqualValues(t, accepts[0].Vsize, pool[sent.String()].Vsize)
	entry, err := client.GetMempoolEntry(sent.String())
	require.NoError(t, err)
	require.Equal(t, 0.0001, entry.Fees.Base)
	require.Equal(t, accepts[0].Fees.Base, entry.Fees.Base)
	known, err := client.GetRawTransactionVerbose(sent)
	require.NoError(t, err)
	require.Len(t, known.Vin, len(tx.TxIn))
	spends, err := client.GetTxSpendingPrevOut([]wire.OutPoint{tx.TxIn[0].PreviousOutPoint})
	require.NoError(t, err)
	require.Equal(t, sent.String(), spends[0].SpendingTxid)
}

// A parent without a fee is taken for its child, as Lightning's commitments are.
func TestRPCClientSubmitsAPackage(t *testing.T) {
	n := startNode(t)
	client := startRPCClient(n)
	parent := spendAs(t, 3, mineCoins(n).take(t), coinbaseValue, nobodys, 0)
	child := spendAs(t, 3, wire.OutPoint{Hash: parent.TxHash()}, coinbaseValue, nobodys, fee)
	_, err := client.SendRawTransaction(parent, false)
	require.ErrorContains(t, err, "min relay fee not met")
	result, err := client.SubmitPackage([]*wire.MsgTx{parent, child}, nil, nil)
	require.NoError(t, err)
	require.Equal(t, "success", result.PackageMsg)
	require.Equal(t, parent.TxHash(), result.TxResults[parent.WitnessHash().String()].TxID)
	require.Equal(t, child.TxHash(), result.TxResults[child.WitnessHash().String()].TxID)
	pool, err := client.GetRawMempool()
	require.NoError(t, err)
	require.ElementsMatch(t, []*chainhash.Hash{new(parent.TxHash()), new(child.TxHash())}, pool)
}

// A chain without a history has no estimate, which is told beside the answer, not as
// an error.
func TestRPCClientIsToldThatThereIsNoEstimate(t *testing.T) {
	n := startNode(t)
	client := startRPCClient(n)
	fee, err := client.EstimateSmartFee(6, &btcjson.EstimateModeConservative)
	require.NoError(t, err)
	require.Nil(t, fee.FeeRate)
	require.Equal(t, []string{"Insufficient data or no feerate found"}, fee.Errors)
}
