package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// framed waits until the node has one connection that is framed so, and returns it.
func (n *node) framed(protocol string) map[string]any {
	n.t.Helper()
	var peer map[string]any
	n.eventually(protocol, func() error {
		list, ok := n.must("getpeerinfo").([]any)
		if !ok || len(list) != 1 {
			return fmt.Errorf("the peers are %v", list)
		}
		peer, _ = list[0].(map[string]any)
		if peer["transport_protocol_type"] != protocol || peer["subver"] == "" {
			return fmt.Errorf("the peer is %v", peer)
		}
		return nil
	})
	return peer
}

// encrypted tells how btcd sees its one connection, when it does: we may know of it before.
func (b *btcd) encrypted() (v2 any) {
	b.t.Helper()
	eventually(b.t, "btcd's connection", func() error {
		list, ok := b.must("getpeerinfo").([]any)
		if !ok || len(list) != 1 {
			return fmt.Errorf("its peers are %v", list)
		}
		v2 = list[0].(map[string]any)["v2_connection"]
		return nil
	})
	return v2
}

// syncs moves blocks in both directions, more than the keys of a direction are
// used for packets.
func (b *btcd) syncs(n *node) {
	b.t.Helper()
	b.must("generate", 250)
	n.eventuallyTip(b.must("getbestblockhash").(string))
	n.must("generatetoaddress", 250, btcdMiningAddress)
	b.eventuallyTip(n.tip())
}

func TestBtcdIsSpokenToEncrypted(t *testing.T) {
	b := startBtcd(t, "--v2transport")
	n := startNode(t, "regtest", "-connect="+b.p2p, "-disablewallet")
	peer := n.framed("v2")
	require.Equal(t, "manual", peer["connection_type"])
	require.Len(t, peer["session_id"], 64)
	require.Contains(t, peer["servicesnames"], "P2P_V2")
	require.Equal(t, true, b.encrypted())
	b.syncs(n)
	require.Equal(t, peer["id"], n.framed("v2")["id"], "it is the same connection")
	n.stop()
}

func TestBtcdSpeaksEncrypted(t *testing.T) {
	b := startBtcd(t, "--v2transport")
	n := startNode(t, "regtest", "-noconnect", "-disablewallet", "-multiprocess=0")
	b.must("addnode", fmt.Sprintf("127.0.0.1:%d", n.p2pPort), "onetry")
	require.Equal(t, "inbound", n.framed("v2")["connection_type"])
	require.Equal(t, true, b.encrypted())
	b.syncs(n)
	n.stop()
}

// A btcd without the setting knows v1 only.
func TestWhoDoesNotEncryptIsSpokenToAllTheSame(t *testing.T) {
	b := startBtcd(t)
	n := startNode(t, "regtest", "-connect="+b.p2p, "-disablewallet")
	require.Empty(t, n.framed("v1")["session_id"])
	b.syncs(n)
	log, err := os.ReadFile(filepath.Join(n.net, "debug.log"))
	require.NoError(t, err)
	require.Contains(t, string(log), "trying v2 connection (manual) to "+b.p2p)
	require.Contains(t, string(log), "retrying with v1 transport protocol for peer=0")
	require.Contains(t, string(log), "trying v1 connection (manual) to "+b.p2p)
	n.stop()
}

func TestEncryptionCanBeSwitchedOff(t *testing.T) {
	b := startBtcd(t, "--v2transport")
	n := startNode(t, "regtest", "-connect="+b.p2p, "-disablewallet", "-v2transport=0")
	n.framed("v1")
	require.Equal(t, false, b.encrypted())
	require.NotContains(t, n.object("getnetworkinfo")["localservicesnames"], "P2P_V2")
	n.refused(-8, "addnode", b.p2p, "onetry", true)
	n.stop()
}
