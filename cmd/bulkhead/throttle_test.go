package main_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// bulkyBlock is the size of the blocks that throttles are tested with, in bytes.
const bulkyBlock = 900_000

// bip9Version is a block's that signals nothing.
const bip9Version = 0x20000000

// bulkyChain makes blocks of regtest that are large, the last one of now.
func bulkyChain(t testing.TB, n int) (list []string) {
	t.Helper()
	parent := chaincfg.RegressionNetParams.GenesisBlock
	for i := range n {
		parent = bulky(t, parent, int32(i+1), time.Now().Add(time.Duration(i-n)*time.Minute))
		var raw bytes.Buffer
		require.NoError(t, parent.Serialize(&raw))
		list = append(list, hex.EncodeToString(raw.Bytes()))
	}
	return list
}

func bulky(t testing.TB, parent *wire.MsgBlock, height int32, at time.Time) *wire.MsgBlock {
	t.Helper()
	script, err := txscript.NewScriptBuilder().AddInt64(int64(height)).AddInt64(0).Script()
	require.NoError(t, err)
	coinbase := wire.NewMsgTx(1)
	coinbase.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&chainhash.Hash{}, wire.MaxPrevOutIndex), script, nil))
	coinbase.AddTxOut(wire.NewTxOut(0, append([]byte{txscript.OP_RETURN}, make([]byte, bulkyBlock)...)))
	header := parent.Header
	header.Version, header.PrevBlock, header.MerkleRoot, header.Timestamp = bip9Version, parent.BlockHash(), coinbase.TxHash(), time.Unix(at.Unix(), 0)
	for header.Nonce = 0; ; header.Nonce++ {
		if hash := header.BlockHash(); blockchain.HashToBig(&hash).Cmp(blockchain.CompactToBig(header.Bits)) <= 0 {
			break
		}
	}
	return &wire.MsgBlock{Header: header, Transactions: []*wire.MsgTx{coinbase}}
}

// throttled is a bulkhead and a btcd that have a connection by a counting relay, over
// which blocks go in one direction.
type throttled struct {
	n      *node
	counts []*atomic.Int64
	rpc    string // the argument of setthrottle for the direction
}

// downloading: bulkhead fetches a chain from btcd.
func downloading(t testing.TB, chain []string, args ...string) throttled {
	t.Helper()
	b := startBtcd(t)
	for _, block := range chain {
		b.must("submitblock", block)
	}
	relay := startRelay(t, b.p2p)
	n := startNode(t, "regtest", append(args, "-connect="+relay.address, "-disablewallet")...)
	return throttled{n, []*atomic.Int64{&relay.down}, "download"}
}

// uploading: btcd fetches a chain from bulkhead.
func uploading(t testing.TB, chain []string, args ...string) throttled {
	t.Helper()
	n := startNode(t, "regtest", append(args, "-disablewallet")...)
	for _, block := range chain {
		require.Nil(t, n.must("submitblock", block))
	}
	relay := startRelay(t, fmt.Sprintf("127.0.0.1:%d", n.p2pPort))
	startBtcd(t, "--connect="+relay.address)
	return throttled{n, []*atomic.Int64{&relay.down}, "upload"}
}

// flows waits until more bytes have passed than the system may keep.
func (s throttled) flows(bytes int64) {
	s.n.t.Helper()
	before := s.counts[0].Load()
	s.n.eventually("traffic", func() error {
		if got := s.counts[0].Load() - before; got < bytes {
			return fmt.Errorf("%d bytes have passed", got)
		}
		return nil
	})
}

// set changes the limit of the direction.
func (s throttled) set(scope string, rate int64) {
	s.n.t.Helper()
	if s.rpc == "download" {
		s.n.must("setthrottle", scope, rate)
		return
	}
	s.n.must("setthrottle", scope, nil, rate)
}

// A rate that is set is kept, and lifted, while a real btcd is at the other end. The
// exact figures are BenchmarkThrottle's.
func TestARateIsKept(t *testing.T) {
	const limit = 1_000_000
	chain := bulkyChain(t, 16)
	for name, start := range map[string]func(testing.TB, []string, ...string) throttled{"download": downloading, "upload": uploading} {
		t.Run(name, func(t *testing.T) {
			s := start(t, chain, "-max"+name+"rate=1m")
			s.flows(limit)
			got := s.rate(3 * time.Second)
			t.Logf("%.0f bytes a second", got)
			require.InDelta(t, limit, got, limit/2)
			s.set("total", 0)
			s.flows(8 * limit)
			s.n.stop()
		})
	}
}

// While an old block goes out at a rate by which it takes minutes, a new block is told
// of and served at once; what is half written is finished for it.
func TestTheTipDoesNotWaitForOldBlocks(t *testing.T) {
	n := startNode(t, "regtest", "-disablewallet", "-maxuploadrate=2000")
	for _, block := range bulkyChain(t, 4) {
		require.Nil(t, n.must("submitblock", block))
	}
	old := n.hashAt(1)
	peer := dialBlockPeer(n, map[chainhash.Hash]*wire.MsgBlock{})
	peer.asksFor(old)
	n.eventually("a queue", func() error {
		info := n.must("getpeerinfo").([]any)[0].(map[string]any)
		if queue, _ := info["send_queue"].(float64); queue < bulkyBlock/2 {
			return fmt.Errorf("%v bytes wait", info["send_queue"])
		}
		return nil
	})
	n.must("generatetoaddress", 1, btcdMiningAddress)
	tip := n.hashAt(5)
	peer.asksFor(tip)
	first := peer.next()
	if first == old { // it had begun to leave, or it would be overtaken
		first = peer.next()
	}
	require.Equal(t, tip, first)
	require.Empty(t, peer.arrived)
	n.stop()
}
