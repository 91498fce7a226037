package notify

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/go-zeromq/zmq4"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// tape records what notifiers send.
type tape struct{ messages [][][]byte }

func (t *tape) Publish(frames [][]byte) { t.messages = append(t.messages, frames) }

func (t *tape) take() (list []string) {
	for _, m := range t.messages {
		list = append(list, string(m[0])+" "+hex.EncodeToString(m[1])+" "+hex.EncodeToString(m[2]))
	}
	t.messages = nil
	return list
}

func all(out sender) (list notifiers) {
	for _, topic := range []Topic{HashBlock, HashTx, RawBlock, RawTx, Sequence} {
		list = append(list, &notifier{Publication: Publication{Topic: topic}, out: out})
	}
	return list
}

func genesis(t *testing.T) (block *wire.MsgBlock, raw, tx []byte) {
	block = chaincfg.RegressionNetParams.GenesisBlock
	var b, txBytes bytes.Buffer
	require.NoError(t, block.Serialize(&b))
	require.NoError(t, block.Transactions[0].Serialize(&txBytes))
	return block, b.Bytes(), txBytes.Bytes()
}

const (
	genesisHash = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
	genesisTxid = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"
)

func TestBlockEvents(t *testing.T) {
	block, raw, tx := genesis(t)
	e := msg.BlockEvent{Hash: block.BlockHash(), Frames: bus.Frames{Attached: [][]byte{raw}}}
	var out tape
	n := all(&out)
	require.NoError(t, n.block(e, 'C'))
	require.Equal(t, []string{
		"hashtx " + genesisTxid + " 00000000",
		"rawtx " + hex.EncodeToString(tx) + " 00000000",
		"sequence " + genesisHash + "43 00000000",
	}, out.take())
	n.tip(e.Hash, raw)
	require.Equal(t, []string{
		"hashblock " + genesisHash + " 00000000",
		"rawblock " + hex.EncodeToString(raw) + " 00000000",
	}, out.take())
	require.NoError(t, n.block(e, 'D'))
	require.Equal(t, "sequence "+genesisHash+"44 01000000", out.take()[2])
}

func TestMempoolEvents(t *testing.T) {
	var out tape
	n := all(&out)
	txid, err := chainhash.NewHashFromStr(genesisTxid)
	require.NoError(t, err)
	n.added(*txid, []byte{1, 2}, 0x0102)
	n.sequence(*txid, 'R', 0x0103)
	require.Equal(t, []string{
		"hashtx " + genesisTxid + " 00000000",
		"rawtx 0102 00000000",
		"sequence " + genesisTxid + "410201000000000000 00000000",
		"sequence " + genesisTxid + "520301000000000000 01000000",
	}, out.take())
}

func TestCounterWrapsAround(t *testing.T) {
	var out tape
	n := &notifier{Publication: Publication{Topic: HashTx}, out: &out, count: 1<<32 - 1}
	n.send(nil)
	n.send(nil)
	require.Equal(t, []string{"hashtx  ffffffff", "hashtx  00000000"}, out.take())
}

func TestUnknownTopicIsRefused(t *testing.T) {
	err := Run(context.Background(), part.Env{}, Config{Publications: []Publication{{Topic: "rawfish"}}})
	require.EqualError(t, err, `unknown notification "rawfish"`)
}

// TestListenersThatAreMissing: where nobody listens, nothing is said to be published.
func TestListenersThatAreMissing(t *testing.T) {
	cfg := Config{Publications: []Publication{{HashBlock, "tcp://127.0.0.1:0", 0}}}
	require.EqualError(t, Run(t.Context(), part.Env{}, cfg), "0 listeners for 1 addresses")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	path := filepath.Join(t.TempDir(), "zmq")
	_, err = Listen(t.Context(), Config{Publications: []Publication{{HashBlock, "ipc://" + path, 0}, {RawTx, "tcp://" + l.Addr().String(), 0}}})
	require.ErrorContains(t, err, "zmq: Failed to bind address tcp://"+l.Addr().String())
	require.NoFileExists(t, path, "what was bound is closed")
}

// TestFromTheBusToASubscriber runs the part between a bus and go-zeromq's SUB
// socket; libzmq's is used by package zmqpub's tests.
func TestFromTheBusToASubscriber(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	b := bustest.New(t)
	node, _ := b.Conn(roles.Node, "node", bus.NewMux())
	gateway, _ := b.Conn(roles.Gateway, "gateway", bus.NewMux())
	address := "unix:" + t.TempDir() + "/zmq.sock"
	cfg := Config{Publications: []Publication{
		{Sequence, address, -1}, {HashBlock, address, 5}, {HashBlock, "tcp://127.0.0.1:0", 0}}}
	listeners, err := Listen(ctx, cfg)
	require.NoError(t, err)
	require.Len(t, listeners, 2)
	env := part.Env{Name: "notify", Listeners: listeners, Link: b.Link(roles.Notify, "notify"), Clock: clock.New(0),
		Logger: slog.New(slog.DiscardHandler)}
	partCtx, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- Run(partCtx, env, cfg) }()
	defer func() { stop(); require.NoError(t, <-done) }()

	sub := zmq4.NewSub(ctx)
	defer sub.Close()
	require.NoError(t, sub.SetOption(zmq4.OptionSubscribe, "sequence"))
	endpoint := "ipc://" + address[len("unix:"):]
	for sub.Dial(endpoint) != nil {
		require.NoError(t, ctx.Err())
	}
	heard := make(chan zmq4.Msg, 1000)
	go func() {
		for {
			m, err := sub.Recv()
			if err != nil {
				return
			}
			heard <- m
		}
	}()
	_, raw, _ := genesis(t)
	e := msg.BlockEvent{Hash: chainhash.Hash{1}, Frames: bus.Frames{Attached: [][]byte{raw}}}
	var first zmq4.Msg
	for first.Frames == nil {
		require.NoError(t, msg.BlockConnected.Publish(ctx, node, e))
		select {
		case first = <-heard:
		case <-time.After(20 * time.Millisecond):
		}
	}
	require.Len(t, first.Frames, 3)
	require.Equal(t, "sequence", string(first.Frames[0]))
	require.Equal(t, byte('C'), first.Frames[1][32])
	require.NoError(t, msg.TxRemoved.Publish(ctx, node, msg.TxEvent{Reason: "block"}))
	require.NoError(t, msg.TxRemoved.Publish(ctx, node, msg.TxEvent{Reason: "expiry", MempoolSeq: 9}))
	count := binary.LittleEndian.Uint32(first.Frames[2])
	for {
		m := <-heard
		count++
		require.Equal(t, count, binary.LittleEndian.Uint32(m.Frames[2]), "no message is lost")
		if m.Frames[1][32] == 'R' {
			require.EqualValues(t, 9, m.Frames[1][33])
			break
		}
	}
	reply, err := rpc.Ask(ctx, gateway, "", "getzmqnotifications", rpc.Request{}, 1<<20)
	require.NoError(t, err)
	var list []map[string]any
	require.NoError(t, json.Unmarshal(reply, &list))
	require.Equal(t, []map[string]any{
		{"type": "pubhashblock", "address": endpoint, "hwm": 5.},
		{"type": "pubhashblock", "address": "tcp://127.0.0.1:0", "hwm": 0.},
		{"type": "pubsequence", "address": endpoint, "hwm": 1000.},
	}, list)
}

// The tip is published with the block that was told before; if that was lost,
// the node is asked for it.
func TestTheTipIsTheBlockThatWasTold(t *testing.T) {
	block, raw, _ := genesis(t)
	var out tape
	asked := 0
	h := &hearing{notifiers: all(&out), fetch: func(hash chainhash.Hash) ([]byte, error) {
		asked++
		require.Equal(t, block.BlockHash(), hash)
		return raw, nil
	}}
	event := msg.BlockEvent{Hash: block.BlockHash(), Frames: bus.Frames{Attached: [][]byte{bytes.Clone(raw)}}}
	require.NoError(t, h.connected(event, bus.Meta{}))
	clear(event.Attached[0]) // its memory is used again
	out.take()
	want := func(count string) []string {
		return []string{"hashblock " + genesisHash + " " + count, "rawblock " + hex.EncodeToString(raw) + " " + count}
	}
	require.NoError(t, h.newTip(msg.TipEvent{Hash: block.BlockHash()}, bus.Meta{}))
	require.Equal(t, want("00000000"), out.take())
	require.Zero(t, asked)
	require.NoError(t, h.newTip(msg.TipEvent{Hash: block.BlockHash()}, bus.Meta{}))
	require.Equal(t, want("01000000"), out.take())
	require.Equal(t, 1, asked)
	require.NoError(t, h.newTip(msg.TipEvent{Hash: block.BlockHash(), Initial: true}, bus.Meta{}))
	require.Empty(t, out.take())
}
