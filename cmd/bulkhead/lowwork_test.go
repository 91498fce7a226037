package main_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// headerChain is a chain of headers on the genesis block, whose blocks nobody has. Its
// number tells it from others.
func headerChain(number byte, n int) []*wire.MsgBlock {
	params := chaincfg.RegressionNetParams
	target := blockchain.CompactToBig(params.PowLimitBits)
	previous, at := *params.GenesisHash, params.GenesisBlock.Header.Timestamp
	chain := make([]*wire.MsgBlock, n)
	for i := range chain {
		at = at.Add(time.Second)
		header := wire.BlockHeader{Version: bip9Version, PrevBlock: previous, MerkleRoot: chainhash.Hash{number}, Timestamp: at, Bits: params.PowLimitBits}
		for previous = header.BlockHash(); blockchain.HashToBig(&previous).Cmp(target) > 0; previous = header.BlockHash() {
			header.Nonce++
		}
		chain[i] = &wire.MsgBlock{Header: header}
	}
	return chain
}

// Headers that cost next to nothing, told again and again by several, are not kept
// before they have shown the work of a chain (CVE-2024-52916, CVE-2019-25220).
func TestHeadersOfLittleWorkAreNotKept(t *testing.T) {
	const length, peers, rounds = 3*wire.MaxBlockHeadersPerMsg + 1, 4, 3
	n := startNode(t, "regtest", "-noconnect", "-disablewallet", "-minimumchainwork=0x3000") // 6144 blocks
	honest := dialBlockPeer(n, map[chainhash.Hash]*wire.MsgBlock{})
	chains := make([][]*wire.MsgBlock, peers)
	for i := range chains {
		chains[i] = headerChain(byte(i), length)
	}
	for range rounds {
		for _, chain := range chains {
			p := dialBlockPeer(n, map[chainhash.Hash]*wire.MsgBlock{})
			p.tells(chain)
			p.isAskedUpTo(n, chain[length-1])
			for range 30 { // each waits for an answer to headers
				require.True(t, p.sync(), "it may stay")
			}
			require.LessOrEqual(t, p.timesTold(), 3*length/wire.MaxBlockHeadersPerMsg, "it is not asked without end")
			defer p.leave()
		}
		require.Zero(t, n.object("getblockchaininfo")["headers"])
		require.Len(t, n.must("getchaintips"), 1)
		require.True(t, honest.sync())
	}
	n.stop()
	require.NotContains(t, n.log(), "Saw new header")
}

// tells has a peer begin to tell of a chain, of which it has all.
func (p *blockPeer) tells(chain []*wire.MsgBlock) {
	for _, block := range chain {
		p.has(block)
	}
	first := wire.NewMsgHeaders()
	for _, block := range chain[:wire.MaxBlockHeadersPerMsg] {
		require.NoError(p.t, first.AddBlockHeader(&block.Header))
	}
	p.mu.Lock()
	p.tip = chain[len(chain)-1]
	p.mu.Unlock()
	p.say(first)
}

// timesTold is how many messages of headers a peer was asked for.
func (p *blockPeer) timesTold() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.toldHeaders
}

// isAskedUpTo waits until a node has asked for all headers up to a block's.
func (p *blockPeer) isAskedUpTo(n *node, block *wire.MsgBlock) {
	n.t.Helper()
	n.eventually("the last header", func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.headers != block.BlockHash() {
			return fmt.Errorf("only %s was asked for", p.headers)
		}
		return nil
	})
}

// The node dies amid such headers, again and again. It keeps none, asks the same peers
// anew, and follows who shows the work in the end (CVE-2019-25220).
func TestTheNodeDiesAmidHeadersOfLittleWork(t *testing.T) {
	const length = 10*wire.MaxBlockHeadersPerMsg + 1
	n := startNode(t, "regtest", "-noconnect", "-disablewallet", "-minimumchainwork=0x9000") // 18,431 blocks
	little, enough := headerChain(1, length/2), headerChain(2, length)
	for i, chain := range [][]*wire.MsgBlock{little, enough, little} {
		p := dialBlockPeer(n, map[chainhash.Hash]*wire.MsgBlock{})
		p.tells(chain)
		n.eventually("some headers", func() error {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.headers == (chainhash.Hash{}) {
				return fmt.Errorf("none was asked for")
			}
			return nil
		})
		kill(t, n.pids("node")[0])
		n.eventually("the node", func() error { _, err := n.call("getblockcount"); return err })
		if i != 1 {
			p.isAskedUpTo(n, chain[len(chain)-1])
			require.True(t, p.sync(), "it may stay")
			require.Zero(t, n.object("getblockchaininfo")["headers"])
			p.leave()
			continue
		}
		p.leave()
	}
	require.Len(t, n.must("getchaintips"), 1)
	p := dialBlockPeer(n, map[chainhash.Hash]*wire.MsgBlock{})
	p.tells(enough)
	n.eventually("the headers with the work", func() error {
		if got := n.object("getblockchaininfo")["headers"].(float64); got != length {
			return fmt.Errorf("there are %v", got)
		}
		return nil
	})
	n.stop()
}
