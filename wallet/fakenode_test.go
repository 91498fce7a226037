package wallet

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// testBlock is a block of testNode's chain.
type testBlock struct {
	hash chainhash.Hash
	txs  []*wire.MsgTx
}

// testNode answers a wallet over a real bus, from a chain and a mempool that
// the test makes. It takes what it is given for valid.
type testNode struct {
	t    *testing.T
	bus  *bustest.Bus
	conn *bus.Conn
	stop func()

	mu      sync.Mutex
	blocks  []testBlock // from genesis
	outputs map[wire.OutPoint]*wire.TxOut
	watched map[string]map[string]bool // by instance
	pool    []*wire.MsgTx
	seq     uint64
	nonce   uint32
	refuse  string        // reason to refuse payments, "" to take them
	hold    chan struct{} // not nil: scans wait for it after their fork
	scans   int           // that were begun
}

func newTestNode(t *testing.T) *testNode {
	n := &testNode{t: t, bus: bustest.New(t), outputs: map[wire.OutPoint]*wire.TxOut{}}
	n.extend()
	n.extend()
	n.start()
	return n
}

// start is a new process, which knows of no wallet and has an empty mempool.
func (n *testNode) start() {
	// A call that comes at once waits until there is a link to publish on.
	n.mu.Lock()
	defer n.mu.Unlock()
	n.watched, n.pool, n.seq = map[string]map[string]bool{}, nil, 0
	mux := bus.NewMux()
	msg.GetTip.Handle(mux, func(context.Context, bus.None) (p2p.Tip, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.tip(), nil
	})
	msg.WatchScripts.Handle(mux, func(ctx context.Context, req msg.WatchRequest) (bus.None, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		who := bus.CallerFrom(ctx).Instance
		if n.watched[who] == nil {
			n.watched[who] = map[string]bool{}
		}
		for _, script := range req.Scripts {
			n.watched[who][string(script)] = true
		}
		return bus.None{}, nil
	})
	msg.ScanBlocks.Handle(mux, n.scan)
	msg.WatchedMempool.Handle(mux, n.list)
	msg.BroadcastTx.Handle(mux, n.broadcast)
	n.conn, n.stop = n.bus.Conn(roles.Node, "node", mux)
}

func (n *testNode) tip() p2p.Tip {
	last := len(n.blocks) - 1
	return p2p.Tip{Hash: n.blocks[last].hash, Height: int32(last)}
}

func (n *testNode) relevant(who string, tx *wire.MsgTx) bool {
	return slices.ContainsFunc(tx.TxOut, func(out *wire.TxOut) bool { return n.watched[who][string(out.PkScript)] }) ||
		slices.ContainsFunc(tx.TxIn, func(in *wire.TxIn) bool {
			out := n.outputs[in.PreviousOutPoint]
			return out != nil && n.watched[who][string(out.PkScript)]
		})
}

func serialized(tx *wire.MsgTx) []byte {
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		panic(err)
	}
	return raw.Bytes()
}

func (n *testNode) scan(ctx context.Context, req msg.ScanRequest, send func(msg.ScanItem) error) error {
	who := bus.CallerFrom(ctx).Instance
	n.mu.Lock()
	n.scans++
	blocks, hold := slices.Clone(n.blocks), n.hold
	n.mu.Unlock()
	fork := 0
	for _, hash := range req.Locator {
		if i := slices.IndexFunc(blocks, func(b testBlock) bool { return b.hash == hash }); i >= 0 {
			fork = i
			break
		}
	}
	for height := fork; height < len(blocks); height++ {
		item := msg.ScanItem{Hash: blocks[height].hash, Height: int32(height), Time: int64(1000 + height), TipHeight: int32(len(blocks) - 1)}
		n.mu.Lock()
		for i, tx := range blocks[height].txs {
			if height > fork && n.relevant(who, tx) {
				item.Indexes = append(item.Indexes, i)
				item.Attached = append(item.Attached, serialized(tx))
			}
		}
		n.mu.Unlock()
		if err := send(item); err != nil {
			return err
		}
		if height == fork+1 && hold != nil {
			select {
			case <-hold:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

func (n *testNode) list(ctx context.Context, _ bus.None, send func(msg.WatchedMempoolItem) error) error {
	n.mu.Lock()
	item := msg.WatchedMempoolItem{Seq: n.seq}
	for _, tx := range n.pool {
		if n.relevant(bus.CallerFrom(ctx).Instance, tx) {
			item.Attached = append(item.Attached, serialized(tx))
		}
	}
	n.mu.Unlock()
	return send(item)
}

func (n *testNode) broadcast(_ context.Context, req msg.BroadcastRequest) (bus.None, error) {
	tx := &wire.MsgTx{}
	if err := tx.Deserialize(bytes.NewReader(req.Attached[0])); err != nil {
		return bus.None{}, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.refuse != "" {
		return bus.None{}, bus.Errorf(msg.KindTxRejected, "%s", n.refuse)
	}
	n.enter(tx)
	return bus.None{}, nil
}

// enter puts a transaction into the mempool. n.mu is held.
func (n *testNode) enter(tx *wire.MsgTx) {
	n.remember(tx)
	n.pool = append(n.pool, tx)
	n.publish(tx, true, "")
}

func (n *testNode) leave(tx *wire.MsgTx, reason string) {
	n.pool = slices.DeleteFunc(n.pool, func(p *wire.MsgTx) bool { return p.TxHash() == tx.TxHash() })
	n.publish(tx, false, reason)
}

func (n *testNode) remember(tx *wire.MsgTx) {
	for i, out := range tx.TxOut {
		n.outputs[wire.OutPoint{Hash: tx.TxHash(), Index: uint32(i)}] = out
	}
}

func (n *testNode) publish(tx *wire.MsgTx, added bool, reason string) {
	for who := range n.watched {
		if n.relevant(who, tx) {
			n.seq++
			// A handler's goroutine may only report a failure, not end the test.
			assert.NoError(n.t, msg.WatchedTx.PublishTo(n.t.Context(), n.conn, who, msg.WatchedTxEvent{
				Txid: tx.TxHash(), Added: added, Reason: reason, Seq: n.seq, Frames: bus.Frames{Attached: [][]byte{serialized(tx)}},
			}))
		}
	}
}

// pay makes a payment of a stranger's to a script. n.mu is not held.
func (n *testNode) pay(script []byte, value int64) *wire.MsgTx {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.nonce++
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: chainhash.Hash{0xee}, Index: n.nonce}, nil, nil))
	tx.AddTxOut(wire.NewTxOut(value, script))
	n.remember(tx)
	return tx
}

// receive is pay into the mempool.
func (n *testNode) receive(script []byte, value int64) *wire.MsgTx {
	tx := n.pay(script, value)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.enter(tx)
	return tx
}

func (n *testNode) extend(txs ...*wire.MsgTx) {
	n.nonce++
	n.blocks = append(n.blocks, testBlock{hash: chainhash.HashH(fmt.Append(nil, n.nonce)), txs: txs})
}

// mine puts a block on top. What it confirms leaves the mempool.
func (n *testNode) mine(txs ...*wire.MsgTx) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.extend(txs...)
	for _, tx := range txs {
		n.leave(tx, "block")
	}
	n.publishTip()
}

func (n *testNode) publishTip() {
	require.NoError(n.t, msg.TipChanged.Publish(n.t.Context(), n.conn, p2p.TipChangedEvent{Tip: n.tip()}))
}

// reorganise replaces the last block by two; what was in it is in the mempool
// again.
func (n *testNode) reorganise() {
	n.mu.Lock()
	defer n.mu.Unlock()
	last := n.blocks[len(n.blocks)-1]
	n.blocks = n.blocks[:len(n.blocks)-1]
	n.extend()
	n.extend()
	for _, tx := range last.txs {
		n.enter(tx)
	}
	n.publishTip()
}
