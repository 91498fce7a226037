package main_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// spendCoinbase makes a transaction of a block's reward, which anyone may spend, with a
// fee in satoshi.
func (n *node) spendCoinbase(block any, fee int64) string {
	txid, err := chainhash.NewHashFromStr(n.object("getblock", block)["tx"].([]any)[0].(string))
	require.NoError(n.t, err)
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: *txid}, nil, nil))
	tx.AddTxOut(wire.NewTxOut(50*consensus.Coin-fee, append([]byte{0x51}, make([]byte, 30)...)))
	return hex.EncodeToString(consensus.NewTx(tx).Raw())
}

// awaitPool waits until the mempool is loaded, and holds these.
func (n *node) awaitPool(txids ...any) {
	n.eventually("the mempool", func() error {
		info := n.object("getmempoolinfo")
		if list := n.must("getrawmempool").([]any); info["loaded"] != true || len(list) != len(txids) {
			return fmt.Errorf("%v, %v", info, list)
		}
		return nil
	})
	require.ElementsMatch(n.t, txids, n.must("getrawmempool"))
}

// The mempool outlives a stop, the death of the node's process, and that of all.
func TestTheMempoolIsKept(t *testing.T) {
	for _, layout := range []string{"-multiprocess=1", "-multiprocess=0"} {
		t.Run(layout, func(t *testing.T) {
			n := startNode(t, "regtest", "-noconnect", "-disablewallet", "-acceptnonstdtxn", layout)
			file := filepath.Join(n.net, "mempool.dat")
			blocks := n.must("generatetodescriptor", 110, "raw(51)").([]any)
			first := n.must("sendrawtransaction", n.spendCoinbase(blocks[0], 10_000))
			n.must("prioritisetransaction", first, nil, 7)
			require.Equal(t, true, n.object("getmempoolentry", first)["unbroadcast"])
			entered := n.object("getmempoolentry", first)["time"]
			n.stop()
			info, err := os.Stat(file)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
			require.NoFileExists(t, filepath.Join(n.net, "indexes", "mempool.log"))

			n.start()
			n.awaitPool(first)
			entry := n.object("getmempoolentry", first)
			require.Equal(t, true, entry["unbroadcast"])
			require.Equal(t, entered, entry["time"])
			require.InDelta(t, 10_007e-8, entry["fees"].(map[string]any)["modified"], 1e-12)

			// What has come since is in the journal half a second later.
			second := n.must("sendrawtransaction", n.spendCoinbase(blocks[1], 10_000))
			n.awaitJournal(2)
			if layout == "-multiprocess=1" {
				before := n.pids("node")
				n.killRole("node")
				n.eventually("another node", func() error {
					if now := n.pids("node"); len(now) != 1 || now[0] == before[0] {
						return fmt.Errorf("the nodes are %v", now)
					}
					_, err := n.call("getmempoolinfo")
					return err
				})
				n.awaitPool(first, second)
			}
			require.Equal(t, map[string]any{"filename": file}, n.must("savemempool"))
			n.killShip()
			require.NoError(t, os.Remove(file), "the journal has all")
			n.start()
			n.awaitPool(first, second)
			n.must("savemempool")
			n.stop()

			// Who does not want it has none.
			n.start("-persistmempool=0")
			n.awaitPool()
			require.Equal(t, map[string]any{}, n.must("importmempool", file))
			n.awaitPool(first, second)
			n.stop()
		})
	}
}

// awaitJournal waits until the journal holds so many transactions of these.
func (n *node) awaitJournal(count int) {
	const least = 8 + 1 + 16 + 82 // a record of one
	n.eventually("the journal", func() error {
		info, err := os.Stat(filepath.Join(n.net, "indexes", "mempool.log"))
		if err == nil && info.Size() < int64(count*least) {
			err = fmt.Errorf("it has %d bytes", info.Size())
		}
		return err
	})
}

// A node that dies is a pause for its clients: no call fails that only reads, and what
// they see does not go back.
func TestTheDeathOfTheNodeIsAPause(t *testing.T) {
	n := startNode(t, "regtest", "-noconnect", "-disablewallet", "-acceptnonstdtxn", "-rpcholdtimeout=60")
	blocks := n.must("generatetodescriptor", 110, "raw(51)").([]any)
	txid := n.must("sendrawtransaction", n.spendCoinbase(blocks[0], 10_000))
	n.awaitJournal(1)
	for range 3 {
		n.killRole("node")
		require.Equal(t, 110, n.height())
		require.Equal(t, []any{txid}, n.must("getrawmempool"))
	}
	n.stop()
}
