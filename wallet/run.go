package wallet

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/wallet/follow"
)

// run keeps the wallet up to date until ctx ends.
func (w *wallet) run(ctx context.Context, conn *bus.Conn) error {
	w.node.listener = w.listener()
	events, err := w.node.listener.Subscribe(ctx, conn)
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
