package main_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// killAt kills a role's processes when the chain has reached a height.
func killAt(n *node, height int, role string) {
	n.t.Helper()
	n.eventually("mid-sync", func() error {
		raw, err := n.call("getblockcount")
		if err != nil {
			return err
		}
		var now int
		if err := json.Unmarshal(raw, &now); err != nil {
			return err
		}
		if now < height {
			return fmt.Errorf("height %d", now)
		}
		return nil
	})
	for _, pid := range n.pids(role) {
		kill(n.t, pid)
	}
}

func TestKillingACompartmentInMidSync(t *testing.T) {
	for _, role := range []string{"worker", "node", "peers", "gateway", "notify"} {
		for _, workers := range []string{"1", "perpeer"} {
			if role != "worker" && workers == "1" {
				continue
			}
			t.Run(role+" "+workers, func(t *testing.T) {
				server := startBlockServer(t)
				n := startNode(t, "main", mainnetArgs("-connect="+server, "-p2pworkers="+workers)...)
				killAt(n, 500, role)
				n.eventually("the whole chain", func() error {
					raw, err := n.call("getblockcount")
					if err == nil && string(raw) != "14131" {
						err = fmt.Errorf("height %s", raw)
					}
					return err
				})
				requireMainnetState(n)
				n.stop()
			})
		}
	}
}

func TestTheNodeDoesNotNoticeItsWalletsDeath(t *testing.T) {
	n := startNode(t, "regtest", "-connect=0", "-fallbackfee=0.0002")
	n.must("createwallet", "w")
	address := n.must("getnewaddress").(string)
	n.must("generatetoaddress", 101, address)
	nodePID := n.pids("node")
	require.Equal(t, 50.0, n.must("getbalance"))
	txid := n.must("sendtoaddress", btcdMiningAddress, 10).(string)
	wallet := walletPID(n, "wallet.w.")
	kill(t, wallet)
	// While the wallet is down, the payment is confirmed.
	n.must("generatetoaddress", 1, btcdMiningAddress)
	require.Equal(t, nodePID, n.pids("node"))
	n.eventually("the wallet", func() error {
		_, err := n.call("getwalletinfo")
		return err
	})
	require.NotEqual(t, wallet, walletPID(n, "wallet.w."))
	tx := n.object("gettransaction", txid)
	require.Equal(t, 1.0, tx["confirmations"])
	fee := tx["fee"].(float64)
	require.InDelta(t, 50+50-10+fee, n.must("getbalance"), 1e-9, "one more coinbase has matured")
	n.stop()
}

func walletPID(n *node, instance string) int {
	n.t.Helper()
	list, err := n.compartments()
	require.NoError(n.t, err)
	for _, c := range list {
		if c.Instance == instance {
			return c.PID
		}
	}
	require.Fail(n.t, "no process for "+instance)
	return 0
}

func TestTheWalletSurvivesTheNodesDeath(t *testing.T) {
	n := startNode(t, "regtest", "-connect=0", "-fallbackfee=0.0002")
	n.must("createwallet", "w")
	address := n.must("getnewaddress").(string)
	n.must("generatetoaddress", 101, address)
	txid := n.must("sendtoaddress", btcdMiningAddress, 10).(string)
	wallet := walletPID(n, "wallet.w.")
	tip := n.tip()
	kill(t, n.pids("node")[0])
	n.eventually("the node", func() error {
		_, err := n.call("getblockcount")
		return err
	})
	n.eventuallyTip(tip) // it connects again what it had not flushed
	// The wallet sends its payment to the new node again.
	n.eventually("the payment", func() error {
		if _, err := n.call("getbalance"); err != nil {
			return err
		}
		raw, err := n.call("getrawmempool")
		if err != nil {
			return err
		}
		var list any
		if err := json.Unmarshal(raw, &list); err != nil {
			return err
		}
		return mempoolHas(list, txid)
	})
	require.Equal(t, wallet, walletPID(n, "wallet.w."))
	n.must("generatetoaddress", 1, btcdMiningAddress)
	require.Equal(t, 1.0, n.object("gettransaction", txid)["confirmations"])
	n.stop()
}

// hostile opens a connection, writes what a peer would never write, and
// returns when the node has closed it.
func hostile(t *testing.T, n *node, payload []byte) {
	t.Helper()
	c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", n.p2pPort), 5*time.Second)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	_, _ = c.Write(payload) // the node may close before all is written
	_, err = io.Copy(io.Discard, c)
	var timeout net.Error
	if err != nil {
		require.False(t, isTimeout(err, &timeout), "the node keeps a hostile connection")
	}
}

func isTimeout(err error, into *net.Error) bool {
	netErr, ok := err.(net.Error)
	if ok {
		*into = netErr
	}
	return ok && netErr.Timeout()
}

func TestGarbageCostsItsSenderOnly(t *testing.T) {
	for _, workers := range []string{"1", "perpeer"} {
		t.Run(workers, func(t *testing.T) {
			b := startBtcd(t)
			n := startNode(t, "regtest", "-connect="+b.p2p, "-p2pworkers="+workers, "-peertimeout=2")
			n.connected(1)
			before := n.pids("worker")
			noise := make([]byte, 1<<20)
			_, err := rand.Read(noise)
			require.NoError(t, err)
			oversized := append([]byte{0xfa, 0xbf, 0xb5, 0xda}, "block\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x00"...)
			badChecksum := append([]byte{0xfa, 0xbf, 0xb5, 0xda}, "version\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00abcd"...)
			for _, payload := range [][]byte{noise, oversized, badChecksum} {
				hostile(t, n, payload)
			}
			n.connected(1)
			b.must("generate", 2)
			n.awaitHeight(2)
			if workers == "1" {
				require.Equal(t, before, n.pids("worker"), "the worker lives on")
			}
			n.stop()
		})
	}
}
