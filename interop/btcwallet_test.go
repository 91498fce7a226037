package interop

import (
	"fmt"
	"testing"
	"time"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/btcsuite/btcwallet/chain"
	"github.com/btcsuite/btcwallet/waddrmgr"
	"github.com/btcsuite/btcwallet/wtxmgr"
	"github.com/stretchr/testify/require"
)

const (
	// watched is an address that the tests' chain client watches.
	watched = "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry"
	// others is a third one, since a block to the same would be the same again.
	others = "bcrt1pfeesnyr2tx"
)

// startChainClient connects the client by which lnd uses a bitcoind.
func startChainClient(n *node, cfg chain.BitcoindConfig) *chain.BitcoindClient {
	cfg.ChainParams, cfg.Host = &chaincfg.RegressionNetParams, n.host()
	cfg.User, cfg.Pass = n.cookie()
	conn, err := chain.NewBitcoindConn(&cfg)
	require.NoError(n.t, err)
	require.NoError(n.t, conn.Start())
	n.t.Cleanup(conn.Stop)
	client := conn.NewBitcoindClient()
	require.NoError(n.t, client.Start(n.t.Context()))
	n.t.Cleanup(func() {
		client.Stop()
		client.WaitForShutdown()
	})
	heard(n, client, func(chain.ClientConnected) bool { return true })
	return client
}

// heard reads notifications until one is what is asked for, and returns it.
func heard[T any](n *node, client *chain.BitcoindClient, is func(T) bool) T {
	n.t.Helper()
	for deadline := time.After(patience); ; {
		select {
		case v := <-client.Notifications():
			if got, ok := v.(T); ok && is(got) {
				return got
			}
		case <-deadline:
			require.Fail(n.t, "it is not notified", "%T", *new(T))
		}
	}
}

// heardAfter does something again and again until a notification of it comes: what is
// published before a subscription has arrived is lost to the subscriber.
func heardAfter[T any](n *node, client *chain.BitcoindClient, again func(), is func(T) bool) (v T) {
	n.t.Helper()
	n.until(fmt.Sprintf("%T", v), func() bool {
		again()
		for {
			select {
			case raw := <-client.Notifications():
				if got, ok := raw.(T); ok && is(got) {
					v = got
					return true
				}
			case <-time.After(100 * time.Millisecond):
				return false
			}
		}
	})
	return v
}

func best(n *node) string { return get[string](n, "getbestblockhash") }

// waysToHear are the two of lnd: a node's ZMQ publishers, and asking again and again.
func waysToHear(n *node, zmqPort int) map[string]chain.BitcoindConfig {
	host := fmt.Sprintf("127.0.0.1:%d", zmqPort)
	return map[string]chain.BitcoindConfig{
		"zmq": {ZMQConfig: &chain.ZMQConfig{ZMQBlockHost: host, ZMQTxHost: host, ZMQReadDeadline: 5 * time.Second}},
		"polling": {PollingConfig: &chain.PollingConfig{
			BlockPollingInterval: 20 * time.Millisecond, TxPollingInterval: 20 * time.Millisecond,
		}},
	}
}

func TestChainClientFollowsUs(t *testing.T) {
	port := freePort(t)
	at := fmt.Sprintf("tcp://127.0.0.1:%d", port)
	n := startNode(t, "-txindex", "-zmqpubrawblock="+at, "-zmqpubrawtx="+at)
	coins := mineCoins(n)
	for name, cfg := range waysToHear(n, port) {
		t.Run(name, func(t *testing.T) {
			n := n.in(t)
			client := startChainClient(n, cfg)
			require.True(t, client.IsCurrent())
			require.Equal(t, "bitcoind", client.BackEnd())
			hash, height, err := client.GetBestBlock()
			require.NoError(t, err)
			require.Equal(t, best(n), hash.String())
			require.Equal(t, get[int32](n, "getblockcount"), height)
			require.NoError(t, client.NotifyReceived([]address.Address{decode(t, watched)}))
			heardAfter(n, client, func() { get[[]string](n, "generatetoaddress", 1, nobodys) }, func(chain.FilteredBlockConnected) bool { return true })
			hearsOfPayments(n, client, coins)
			hearsOfReorganisations(n, client)
			findsOldPayments(n, client)
		})
	}
}

// hearsOfPayments sends some through the client, which notices them as its wallet would.
func hearsOfPayments(n *node, client *chain.BitcoindClient, coins *coins) {
	sent := map[chainhash.Hash]*wire.MsgTx{}
	send := func() {
		tx := coins.pay(n.t, watched)
		accepts, err := client.TestMempoolAccept([]*wire.MsgTx{tx}, 0.1)
		require.NoError(n.t, err)
		require.True(n.t, accepts[0].Allowed)
		hash, err := client.SendRawTransaction(tx, false)
		require.NoError(n.t, err)
		sent[*hash] = tx
	}
	relevant := heardAfter(n, client, send, func(tx chain.RelevantTx) bool { return sent[tx.TxRecord.Hash] != nil })
	require.Nil(n.t, relevant.Block)
	tx := sent[relevant.TxRecord.Hash]
	require.Equal(n.t, tx.TxHash(), relevant.TxRecord.MsgTx.TxHash())
	spender, found := client.LookupInputMempoolSpend(tx.TxIn[0].PreviousOutPoint)
	require.True(n.t, found)
	require.Equal(n.t, tx.TxHash(), spender)

	get[[]string](n, "generatetoaddress", 1, nobodys)
	block := heard(n, client, func(b chain.FilteredBlockConnected) bool { return b.Block.Hash.String() == best(n) })
	require.Len(n.t, block.RelevantTxs, len(sent))
	for _, record := range block.RelevantTxs {
		require.Contains(n.t, sent, record.Hash)
	}
	require.ErrorIs(n.t, errorOf(client.SendRawTransaction(tx, false)), chain.ErrTxAlreadyConfirmed)
	twice := spend(n.t, tx.TxIn[0].PreviousOutPoint, coinbaseValue, nobodys, 2*fee)
	require.ErrorIs(n.t, errorOf(client.SendRawTransaction(twice, false)), chain.ErrMissingInputsOrSpent)
}

func errorOf(_ *chainhash.Hash, err error) error { return err }

func hearsOfReorganisations(n *node, client *chain.BitcoindClient) {
	gone := best(n)
	get[any](n, "invalidateblock", gone)
	replaced := get[[]string](n, "generatetoaddress", 2, others)
	lost := heard(n, client, func(chain.BlockDisconnected) bool { return true })
	require.Equal(n.t, gone, lost.Hash.String())
	heard(n, client, func(b chain.FilteredBlockConnected) bool { return b.Block.Hash.String() == replaced[0] })
	last := heard(n, client, func(b chain.FilteredBlockConnected) bool { return b.Block.Hash.String() == replaced[1] })
	require.Equal(n.t, get[int32](n, "getblockcount"), last.Block.Height)
	n.until("the client's tip is ours", func() bool {
		stamp, err := client.BlockStamp()
		require.NoError(n.t, err)
		return stamp.Hash == last.Block.Hash
	})
}

// findsOldPayments looks through the chain as a wallet does that is restored.
func findsOldPayments(n *node, client *chain.BitcoindClient) {
	var all []wtxmgr.BlockMeta
	for height := get[int32](n, "getblockcount"); height > 120; height-- {
		hash, err := client.GetBlockHash(int64(height))
		require.NoError(n.t, err)
		header, err := client.GetBlockHeader(hash)
		require.NoError(n.t, err)
		at, err := client.GetBlockHeight(hash)
		require.NoError(n.t, err)
		require.Equal(n.t, height, at)
		all = append([]wtxmgr.BlockMeta{{Block: wtxmgr.Block{Hash: *hash, Height: height}, Time: header.Timestamp}}, all...)
	}
	at := waddrmgr.ScopedIndex{Scope: waddrmgr.KeyScopeBIP0084, Index: 7}
	found, err := client.FilterBlocks(&chain.FilterBlocksRequest{
		Blocks: all, ExternalAddrs: map[waddrmgr.ScopedIndex]address.Address{at: decode(n.t, watched)},
	})
	require.NoError(n.t, err)
	require.NotNil(n.t, found)
	require.Contains(n.t, found.FoundExternalAddrs[at.Scope], at.Index)
	require.NotEmpty(n.t, found.RelevantTxns)

	genesis, err := client.GetBlockHash(0)
	require.NoError(n.t, err)
	require.NoError(n.t, client.Rescan(genesis, []address.Address{decode(n.t, watched)}, nil))
	old := heard(n, client, func(b chain.FilteredBlockConnected) bool { return len(b.RelevantTxs) > 0 })
	require.Equal(n.t, found.BlockMeta.Hash, old.Block.Hash)
	done := heard(n, client, func(*chain.RescanFinished) bool { return true })
	require.Equal(n.t, best(n), done.Hash.String())
}
