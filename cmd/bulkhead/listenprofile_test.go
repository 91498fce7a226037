package main_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// asksFor requests a block.
func (p *blockPeer) asksFor(hash chainhash.Hash) {
	msg := wire.NewMsgGetData()
	require.NoError(p.t, msg.AddInvVect(wire.NewInvVect(wire.InvTypeWitnessBlock, &hash)))
	p.say(msg)
}

// gets waits for a block.
func (p *blockPeer) gets(hash chainhash.Hash) {
	p.t.Helper()
	require.Equal(p.t, hash, p.next())
}

// next waits for whatever block comes next.
func (p *blockPeer) next() (hash chainhash.Hash) {
	p.t.Helper()
	select {
	case hash = <-p.arrived:
	case <-p.gone:
		require.FailNow(p.t, "the node has hung up")
	case <-time.After(patience):
		require.FailNow(p.t, "no block came")
	}
	return hash
}

func (n *node) hashAt(height int) chainhash.Hash {
	n.t.Helper()
	hash, err := chainhash.NewHashFromStr(n.must("getblockhash", height).(string))
	require.NoError(n.t, err)
	return *hash
}

// lastReason is why the connection that ended last did.
func (n *node) lastReason() string {
	n.t.Helper()
	list := n.must("getpeerhistory", 1).([]any)
	if len(list) == 0 {
		return ""
	}
	return list[0].(map[string]any)["reason"].(string)
}

// With all public slots taken and the whole rate used up, a service of the user's own
// still connects, and reads a block.
func TestALocalClientIsServedWhateverOthersDo(t *testing.T) {
	local, public := freePort(t), 1
	n := startNode(t, "regtest", "-disablewallet", "-maxconnections=12", "-inboundrelaypercent=100", "-maxuploadrate=2000", fmt.Sprintf("-listenprofile=local:127.0.0.1:%d,slots=1", local))
	for _, block := range bulkyChain(t, 4) {
		require.Nil(t, n.must("submitblock", block))
	}
	first := n.hashAt(1)
	stranger := dialBlockPeer(n, map[chainhash.Hash]*wire.MsgBlock{})
	stranger.asksFor(first)
	n.eventually("a queue", func() error {
		peer := n.must("getpeerinfo").([]any)[0].(map[string]any)
		if queue, _ := peer["send_queue"].(float64); queue < bulkyBlock/2 {
			return fmt.Errorf("%v bytes wait", peer["send_queue"])
		}
		return nil
	})
	for range public + 1 { // one more than there is room for, who displaces nobody local
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", n.p2pPort))
		require.NoError(t, err)
		defer conn.Close()
	}
	for left := range 2 {
		client := dialBlockPeerTo(n, local, map[chainhash.Hash]*wire.MsgBlock{})
		client.asksFor(first)
		client.gets(first)
		client.leave()
		// Strangers whose connections end meanwhile did not close them.
		n.eventually("the end", func() error {
			if raw, err := n.call("getpeerhistory"); err != nil || strings.Count(string(raw), `"closed-by-peer"`) <= left {
				return fmt.Errorf("no end of it in %s, %w", raw, err)
			}
			return nil
		})
	}
	n.stop()
}

// What a profile offers is told in the handshake, and nothing else is served.
func TestAProfileServesWhatItOffers(t *testing.T) {
	filters, limited := freePort(t), freePort(t)
	n := startNode(t, "regtest", "-disablewallet", "-blockfilterindex",
		fmt.Sprintf("-listenprofile=filters:127.0.0.1:%d", filters), fmt.Sprintf("-listenprofile=limited:127.0.0.1:%d", limited))
	n.must("generatetoaddress", 300, btcdMiningAddress)
	nothing := map[chainhash.Hash]*wire.MsgBlock{}
	deep, recent := n.hashAt(1), n.hashAt(299)

	client := dialBlockPeerTo(n, filters, nothing)
	require.Equal(t, wire.SFNodeCF|wire.SFNodeWitness|wire.SFNodeP2PV2, client.told)
	client.asksFor(recent)
	client.await(client.gone, "end")
	n.eventually("the reason", func() error {
		if got := n.lastReason(); got != "service-not-offered" {
			return fmt.Errorf("the reason is %q", got)
		}
		return nil
	})

	client = dialBlockPeerTo(n, limited, nothing)
	require.Equal(t, wire.SFNodeNetworkLimited|wire.SFNodeWitness|wire.SFNodeP2PV2, client.told)
	client.asksFor(recent)
	client.gets(recent)
	client.asksFor(deep)
	client.await(client.gone, "end")

	client = dialBlockPeer(n, nothing)
	require.NotZero(t, client.told&wire.SFNodeNetwork)
	require.Zero(t, client.told&wire.SFNodeCF, "-peerblockfilters is not set")
	client.asksFor(deep)
	client.gets(deep)
	n.stop()
}
