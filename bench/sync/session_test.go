package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// visitor is a peer of a serving session.
type visitor struct {
	t     *testing.T
	conn  net.Conn
	chain *chainIndex
	path  string
}

func visit(t *testing.T, s shape) *visitor {
	t.Helper()
	path, err := chainFile(t.TempDir(), s, io.Discard)
	require.NoError(t, err)
	chain, err := indexChain(path)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- (&server{chain, path, os.Stderr}).serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	return &visitor{t, conn, chain, path}
}

func (v *visitor) send(msg wire.Message) {
	v.t.Helper()
	require.NoError(v.t, wire.WriteMessage(v.conn, msg, protocol, network))
}

// receive checks the checksum too.
func (v *visitor) receive() (wire.Message, []byte) {
	v.t.Helper()
	_, msg, raw, err := wire.ReadMessageWithEncodingN(v.conn, protocol, network, wire.LatestEncoding)
	require.NoError(v.t, err)
	return msg, raw
}

func TestASessionServesHeadersAndBlocks(t *testing.T) {
	v := visit(t, shape{Seed: 1, Funding: 102, Payments: 2, PerBlock: 1, Burying: 2000})
	v.send(wire.NewMsgPing(7))
	pong, _ := v.receive()
	require.Equal(t, wire.NewMsgPong(7), pong)
	_, err := v.conn.Write([]byte("\xfa\xbf\xb5\xdaunheardof\x00\x00\x00\x00\x00\x00\x00\x5d\xf6\xe0\xe2"))
	require.NoError(t, err)

	ask := wire.NewMsgGetHeaders()
	require.NoError(t, ask.AddBlockLocatorHash(chaincfg.RegressionNetParams.GenesisHash))
	v.send(ask)
	reply, _ := v.receive()
	headers := reply.(*wire.MsgHeaders).Headers
	require.Len(t, headers, 2000)
	last := headers[1999].BlockHash()
	ask.BlockLocatorHashes = []*chainhash.Hash{{1}, &last}
	v.send(ask)
	reply, _ = v.receive()
	require.Len(t, reply.(*wire.MsgHeaders).Headers, 104)

	file, err := os.ReadFile(v.path)
	require.NoError(t, err)
	want := wire.NewMsgGetData()
	for _, height := range []int{104, 1, 103} {
		require.NoError(t, want.AddInvVect(wire.NewInvVect(wire.InvTypeWitnessBlock, &v.chain.blocks[height].hash)))
	}
	require.NoError(t, want.AddInvVect(wire.NewInvVect(wire.InvTypeWitnessBlock, &chainhash.Hash{2})))
	v.send(want)
	for _, height := range []int{104, 1, 103} {
		msg, raw := v.receive()
		require.Equal(t, v.chain.blocks[height].hash, msg.(*wire.MsgBlock).BlockHash())
		require.True(t, bytes.Contains(file, raw))
	}
	missing, _ := v.receive()
	require.Equal(t, chainhash.Hash{2}, missing.(*wire.MsgNotFound).InvList[0].Hash)
}

func TestASessionLeadsThroughTheChainByInventories(t *testing.T) {
	v := visit(t, shape{Seed: 1, Funding: 102, Payments: 2, PerBlock: 1, Burying: 500})
	v.send(wire.NewMsgGetBlocks(&chainhash.Hash{}))
	reply, _ := v.receive()
	list := reply.(*wire.MsgInv).InvList
	require.Len(t, list, 500)
	want := wire.NewMsgGetData()
	require.NoError(t, want.AddInvVect(list[499]))
	v.send(want)
	block, _ := v.receive()
	require.Equal(t, list[499].Hash, block.(*wire.MsgBlock).BlockHash())
	tip, _ := v.receive()
	require.Equal(t, v.chain.tip().hash, tip.(*wire.MsgInv).InvList[0].Hash)
	next := wire.NewMsgGetBlocks(&chainhash.Hash{})
	require.NoError(t, next.AddBlockLocatorHash(&list[499].Hash))
	v.send(next)
	reply, _ = v.receive()
	require.Len(t, reply.(*wire.MsgInv).InvList, 104)
}
