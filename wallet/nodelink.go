package wallet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/wallet/follow"
)

const (
	retryPause = 500 * time.Millisecond
	// itemWindow is how many items of a scan or list may be under way.
	itemWindow = 8
	// sendPatience is how long a new payment may be under way to the node.
	sendPatience = 30 * time.Second
)

// nodeLink is the wallet's connection with the node.
type nodeLink struct {
	conn    *bus.Conn
	events  *bus.Subscription
	started chan struct{} // closed when conn and events are set
	failed  chan error    // capacity 1: an error after which the process ends
	tip     chan struct{} // capacity 1: a command waits for the node's tip
	todo    chan struct{} // capacity 1: there is something in pending

	mu      sync.Mutex
	pending follow.Effect      // to be begun; nil if there is none
	cancel  context.CancelFunc // ends what is under way; nil before the first
}

func newNodeLink() nodeLink {
	return nodeLink{
		started: make(chan struct{}), failed: make(chan error, 1),
		tip: make(chan struct{}, 1), todo: make(chan struct{}, 1),
	}
}

func (n *nodeLink) fail(err error) { offer(n.failed, err) }

func (n *nodeLink) askTip() { offer(n.tip, struct{}{}) }

func offer[T any](to chan T, value T) {
	select {
	case to <- value:
	default:
	}
}

// ask hands a request, its cancellation or a pause to the goroutine that
// carries them out. The follower wants one thing at a time: what was asked
// before has ended, or is not wanted any more.
func (n *nodeLink) ask(effect follow.Effect) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cancel != nil {
		n.cancel()
	}
	n.pending = nil
	if _, stop := effect.(follow.Cancel); !stop {
		n.pending = effect
		offer(n.todo, struct{}{})
	}
}

// begin returns the next thing to do, nil if there is none, and the context
// that ends it.
func (n *nodeLink) begin(ctx context.Context) (follow.Effect, context.Context) {
	n.mu.Lock()
	defer n.mu.Unlock()
	effect := n.pending
	n.pending = nil
	if effect != nil {
		ctx, n.cancel = context.WithCancel(ctx)
	}
	return effect, ctx
}

// run keeps the wallet up to date until ctx ends.
func (w *wallet) run(ctx context.Context, conn *bus.Conn) error {
	events, err := conn.Subscribe(ctx, msg.TipChanged.Name(), msg.WatchedTx.Name()+w.env.Name, msg.LinkUp.Name())
	if err != nil {
		return err
	}
	w.node.conn, w.node.events = conn, events
	close(w.node.started)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.hear(ctx) })
	group.Go(func() error { return w.carryOutRequests(ctx) })
	group.Go(func() error { return w.askTips(ctx) })
	group.Go(func() error {
		select {
		case err := <-w.node.failed:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	return group.Wait()
}

// hear takes in what is published.
func (w *wallet) hear(ctx context.Context) error {
	if err := w.take(follow.NodeUp{}); err != nil {
		return err
	}
	for {
		if err := w.node.events.Wait(ctx); err != nil {
			return err
		}
		if err := w.take(); err != nil {
			return err
		}
	}
}

// askTips asks for the node's tip for commands.
func (w *wallet) askTips(ctx context.Context) error {
	for {
		select {
		case <-w.node.tip:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		w.mu.RLock()
		asked := w.asked
		w.mu.RUnlock()
		tip, err := msg.GetTip.Call(ctx, w.node.conn, bus.None{})
		if err != nil {
			w.log.Debug(fmt.Sprintf("Wallet %q cannot ask for the tip now: %v", w.cfg.Name, err))
			if !clock.Sleep(ctx, retryPause) {
				return context.Cause(ctx)
			}
			w.node.askTip()
			continue
		}
		if err := w.take(follow.Tip{Hash: tip.Hash, Height: tip.Height}); err != nil {
			return err
		}
		w.mu.Lock()
		w.answered = asked
		w.wake(w.follower.InSync())
		w.mu.Unlock()
	}
}

// carryOutRequests asks the node what the follower wants to know.
func (w *wallet) carryOutRequests(ctx context.Context) error {
	defer w.node.ask(follow.Cancel{})
	for {
		select {
		case <-w.node.todo:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		effect, requestCtx := w.node.begin(ctx)
		if effect == nil {
			continue // it was cancelled
		}
		if err := w.request(requestCtx, effect); err != nil {
			return err
		}
	}
}

// request carries out one request. Its error ends the process.
func (w *wallet) request(ctx context.Context, effect follow.Effect) error {
	switch e := effect.(type) {
	case follow.Wait:
		clock.Sleep(ctx, retryPause) // a new node cuts it short
		return w.take(follow.Retry{})
	case follow.Watch:
		return w.end(e.Request, w.watch(ctx, e.Scripts), follow.Watched{Request: e.Request})
	case follow.Scan:
		return w.scan(ctx, e)
	case follow.List:
		return w.list(ctx, e)
	case follow.Send:
		return w.resend(ctx, e)
	}
	return fmt.Errorf("unknown request %T", effect)
}

// end takes in how a request has ended.
func (w *wallet) end(request uint64, err error, done follow.Input) error {
	if err != nil {
		return w.take(follow.Failed{Request: request, Reason: err.Error()})
	}
	return w.take(done)
}

func (w *wallet) watch(ctx context.Context, scripts [][]byte) error {
	for len(scripts) > 0 {
		n, size := 0, 0
		for n < len(scripts) && n < msg.MaxWatchScripts && size+len(scripts[n]) <= msg.MaxWatchBytes {
			size += len(scripts[n])
			n++
		}
		if n == 0 {
			return fmt.Errorf("script of %d bytes", len(scripts[0]))
		}
		if _, err := msg.WatchScripts.Call(ctx, w.node.conn, msg.WatchRequest{Scripts: scripts[:n]}); err != nil {
			return err
		}
		scripts = scripts[n:]
	}
	return nil
}

func (w *wallet) scan(ctx context.Context, e follow.Scan) error {
	items, err := msg.ScanBlocks.Open(ctx, w.node.conn, msg.ScanRequest{Locator: e.Locator}, itemWindow)
	if err != nil {
		return w.end(e.Request, err, nil)
	}
	return w.read(e.Request, items.Close, follow.ScanEnded{Request: e.Request}, func() (follow.Input, error) {
		item, err := items.Next(ctx)
		if err != nil {
			return nil, err
		}
		txs, err := parseTxs(item.Attached)
		return follow.Scanned{
			Request: e.Request, Hash: item.Hash, Height: item.Height, Time: item.Time, Indexes: item.Indexes, Txs: txs,
			Partial: item.Partial, TipHeight: item.TipHeight,
		}, err
	})
}

func (w *wallet) list(ctx context.Context, e follow.List) error {
	items, err := msg.WatchedMempool.Open(ctx, w.node.conn, bus.None{}, itemWindow)
	if err != nil {
		return w.end(e.Request, err, nil)
	}
	return w.read(e.Request, items.Close, follow.ListEnded{Request: e.Request}, func() (follow.Input, error) {
		item, err := items.Next(ctx)
		if err != nil {
			return nil, err
		}
		txs, err := parseTxs(item.Attached)
		return follow.Listed{Request: e.Request, Seq: item.Seq, Txs: txs}, err
	})
}

// read takes in the items of a stream and its end.
func (w *wallet) read(request uint64, closeStream func(), done follow.Input, next func() (follow.Input, error)) error {
	defer closeStream()
	for {
		in, err := next()
		switch {
		case errors.Is(err, io.EOF):
			return w.take(done)
		case err != nil:
			return w.end(request, err, nil)
		}
		if err := w.take(in); err != nil {
			return err
		}
	}
}

func (w *wallet) resend(ctx context.Context, e follow.Send) error {
	err := w.broadcast(ctx, e.Tx)
	if refused := refusal(err); refused != nil {
		return w.take(follow.Sent{Request: e.Request, Refusal: refused.Text})
	}
	return w.end(e.Request, err, follow.Sent{Request: e.Request})
}

// refusal returns the node's error if it does not accept a transaction.
func refusal(err error) *bus.Error {
	var refused *bus.Error
	if errors.As(err, &refused) && refused.Kind == msg.KindTxRejected {
		return refused
	}
	return nil
}

func (w *wallet) broadcast(ctx context.Context, tx *wire.MsgTx) error {
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		return err
	}
	_, err := msg.BroadcastTx.Call(ctx, w.node.conn, msg.BroadcastRequest{Frames: bus.Frames{Attached: [][]byte{raw.Bytes()}}})
	return err
}

// parseTxs reads transactions that the node sent.
func parseTxs(raw [][]byte) ([]*wire.MsgTx, error) {
	txs := make([]*wire.MsgTx, len(raw))
	for i := range raw {
		txs[i] = &wire.MsgTx{}
		if err := txs[i].Deserialize(bytes.NewReader(raw[i])); err != nil {
			return nil, fmt.Errorf("transaction from the node: %w", err)
		}
	}
	return txs, nil
}
