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
			for _, block := range chain {
				p.has(block)
			}
			first := wire.NewMsgHeaders()
			for _, block := range chain[:wire.MaxBlockHeadersPerMsg] {
				require.NoError(t, first.AddBlockHeader(&block.Header))
			}
			p.mu.Lock()
			p.tip = chain[length-1]
			p.mu.Unlock()
			p.say(first)
			n.eventually("the last header", func() error {
				p.mu.Lock()
				defer p.mu.Unlock()
				if p.headers != p.tip.BlockHash() {
					return fmt.Errorf("only %s was asked for", p.headers)
				}
				return nil
			})
			require.True(t, p.sync(), "it may stay")
			defer p.leave()
		}
		require.Zero(t, n.object("getblockchaininfo")["headers"])
		require.Len(t, n.must("getchaintips"), 1)
		require.True(t, honest.sync())
	}
	n.stop()
	require.NotContains(t, n.log(), "Saw new header")
}
