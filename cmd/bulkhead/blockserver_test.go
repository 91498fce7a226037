package main_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/peer"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// blockServerFile is the environment variable that makes the test binary a
// block server for the file it names.
const blockServerFile = "BULKHEAD_TEST_SERVE_BLOCKS"

// blockServerIP is the one that says where it listens.
const blockServerIP = "BULKHEAD_TEST_SERVE_ON"

// startBlockServer runs a peer in a process of its own that serves mainnet's
// first blocks, and returns its address.
func startBlockServer(t testing.TB) string {
	t.Helper()
	return startBlockServerOn(t, host{}, "127.0.0.1")
}

func startBlockServerOn(t testing.TB, h host, ip string) string {
	t.Helper()
	cmd := h.command(os.Args[0])
	cmd.Env = append(os.Environ(), blockServerFile+"="+mainnetBlocks(t), blockServerIP+"="+ip)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line)
}

// blockChain is a chain of blocks, lowest first.
type blockChain struct {
	blocks []*wire.MsgBlock
	height map[chainhash.Hash]int
}

func readBlockFile(file string) (*blockChain, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	c := &blockChain{height: map[chainhash.Hash]int{}}
	for {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err != nil || binary.LittleEndian.Uint32(head[:]) != uint32(wire.MainNet) {
			break // the end, or the padding before it
		}
		block := &wire.MsgBlock{}
		if err := block.Deserialize(io.LimitReader(r, int64(binary.LittleEndian.Uint32(head[4:])))); err != nil {
			return nil, err
		}
		c.height[block.BlockHash()] = len(c.blocks)
		c.blocks = append(c.blocks, block)
	}
	if len(c.blocks) == 0 {
		return nil, fmt.Errorf("no blocks in %s", file)
	}
	return c, nil
}

// serveBlocks is the main function of the block server.
func serveBlocks(file string) error {
	chain, err := readBlockFile(file)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(os.Getenv(blockServerIP), "0"))
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		peer.NewInboundPeer(chain.peerConfig()).AssociateConnection(conn)
	}
}

func (c *blockChain) peerConfig() *peer.Config {
	return &peer.Config{
		UserAgentName: "blockserver", UserAgentVersion: "1.0.0", ChainParams: &chaincfg.MainNetParams,
		Services: wire.SFNodeNetwork | wire.SFNodeWitness, TrickleInterval: time.Second, AllowSelfConns: true,
		DisableStallHandler: true,
		NewestBlock: func() (*chainhash.Hash, int32, error) {
			hash := c.blocks[len(c.blocks)-1].BlockHash()
			return &hash, int32(len(c.blocks) - 1), nil
		},
		Listeners: peer.MessageListeners{
			OnGetHeaders: func(p *peer.Peer, msg *wire.MsgGetHeaders) { p.QueueMessage(c.headers(msg), nil) },
			OnGetData: func(p *peer.Peer, msg *wire.MsgGetData) {
				for _, want := range msg.InvList {
					if height, ok := c.height[want.Hash]; ok {
						p.QueueMessageWithEncoding(c.blocks[height], nil, wire.WitnessEncoding)
					}
				}
			},
		},
	}
}

func (c *blockChain) headers(msg *wire.MsgGetHeaders) *wire.MsgHeaders {
	from := 0
	for _, hash := range msg.BlockLocatorHashes {
		if height, ok := c.height[*hash]; ok {
			from = height
			break
		}
	}
	reply := wire.NewMsgHeaders()
	for _, block := range c.blocks[from+1:] {
		if len(reply.Headers) == wire.MaxBlockHeadersPerMsg {
			break
		}
		_ = reply.AddBlockHeader(&block.Header)
	}
	return reply
}
