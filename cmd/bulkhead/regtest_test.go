package main_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// connected waits until the node has so many peers that shook hands.
func (n *node) connected(peers int) {
	n.t.Helper()
	n.eventually("peers", func() error {
		list, ok := n.must("getpeerinfo").([]any)
		if !ok {
			return fmt.Errorf("getpeerinfo returned no list")
		}
		ready := 0
		for _, p := range list {
			if p.(map[string]any)["subver"] != "" {
				ready++
			}
		}
		if ready != peers {
			return fmt.Errorf("%d peers, not %d", ready, peers)
		}
		return nil
	})
}

func mempoolHas(list any, txid string) error {
	txs, ok := list.([]any)
	if !ok || !slices.Contains(txs, any(txid)) {
		return fmt.Errorf("%s is not in the mempool %v", txid, list)
	}
	return nil
}

func TestTwoImplementationsTalk(t *testing.T) {
	b := startBtcd(t)
	n := startNode(t, "regtest", "-connect="+b.p2p, "-fallbackfee=0.0002")
	n.connected(1)
	n.must("createwallet", "w")
	address := n.must("getnewaddress").(string)

	// Its blocks arrive here, ours arrive there.
	b.must("generate", 3)
	n.awaitHeight(3)
	require.Equal(t, b.must("getbestblockhash"), n.tip())
	n.must("generatetoaddress", 102, address)
	b.eventuallyTip(n.tip())
	require.Equal(t, 105, n.height())

	// A transaction sent here reaches its mempool; one sent there reaches ours.
	ours := n.must("sendtoaddress", address, 1.5).(string)
	eventually(t, "our transaction at btcd", func() error { return mempoolHas(b.must("getrawmempool"), ours) })
	n.must("generatetoaddress", 1, address)
	b.eventuallyTip(n.tip())
	theirs := signedElsewhere(t, n)
	sent := b.must("sendrawtransaction", theirs).(string)
	n.eventually("btcd's transaction here", func() error { return mempoolHas(n.must("getrawmempool"), sent) })
	n.must("generatetoaddress", 1, address)
	b.eventuallyTip(n.tip())

	// A longer branch on either side reorganises the other.
	fork := n.tip()
	lost := b.must("generate", 1).([]any)[0].(string)
	n.eventuallyTip(lost)
	n.must("invalidateblock", lost)
	require.Equal(t, fork, n.tip())
	n.must("generatetoaddress", 2, address)
	b.eventuallyTip(n.tip())
	n.must("reconsiderblock", lost)
	n.must("disconnectnode", b.p2p)
	short := n.must("generatetoaddress", 1, address).([]any)[0].(string)
	n.connected(1) // -connect dials again
	require.Equal(t, short, n.tip())

	// A restart in between resumes where it was.
	tip := n.tip()
	n.stop()
	n.start()
	require.Equal(t, tip, n.tip())
	n.connected(1)
	b.eventuallyTip(tip)
	b.must("generate", 1)
	n.awaitHeight(112)
	n.stop()
}

func TestALongerBranchOfThePeersReorganisesUs(t *testing.T) {
	b := startBtcd(t)
	n := startNode(t, "regtest", "-connect=0")
	ours := n.must("generatetoaddress", 3, btcdMiningAddress).([]any)
	b.must("generate", 5)
	n.must("addnode", b.p2p, "add")
	n.eventuallyTip(b.must("getbestblockhash").(string))
	require.Equal(t, 5, n.height())
	tips, ok := n.must("getchaintips").([]any)
	require.True(t, ok)
	require.Len(t, tips, 2)
	require.Equal(t, "valid-fork", tips[1].(map[string]any)["status"])
	require.Equal(t, ours[2], tips[1].(map[string]any)["hash"])
	n.stop()
}

// signedElsewhere returns a payment that a second node's wallet signed and
// that the first node has not seen.
func signedElsewhere(t *testing.T, n *node) string {
	t.Helper()
	other := startNode(t, "regtest", fmt.Sprintf("-connect=127.0.0.1:%d", n.p2pPort), "-fallbackfee=0.0002")
	other.eventuallyTip(n.tip())
	other.must("createwallet", "w")
	paid := n.must("sendtoaddress", other.must("getnewaddress"), 2).(string)
	other.eventually("payment", func() error { return mempoolHas(other.must("getrawmempool"), paid) })
	n.must("generatetoaddress", 1, btcdMiningAddress)
	other.eventuallyTip(n.tip())
	other.must("setnetworkactive", false)
	txid := other.must("sendtoaddress", btcdMiningAddress, 0.5).(string)
	raw := other.must("getrawtransaction", txid).(string)
	other.stop()
	return raw
}
