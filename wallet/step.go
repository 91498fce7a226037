package wallet

import (
	"errors"
	"fmt"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/wallet/follow"
	"github.com/bulkheadnode/bulkhead/wallet/store"
)

// removedForBlock is the reason why a transaction leaves the mempool that a
// block confirmed.
const removedForBlock = "block"

// progressInterval is how often a long scan is logged.
const progressInterval = 10 * time.Second

// take takes in everything that the node has published so far, and then
// inputs, which came after that.
func (w *wallet) take(inputs ...follow.Input) error {
	w.steps.Lock()
	defer w.steps.Unlock()
	if err := w.takeEvents(); err != nil {
		return err
	}
	return w.step(inputs...)
}

// takeEvents takes in what has been published. w.steps is held.
func (w *wallet) takeEvents() error {
	for {
		ev, ok := w.node.events.TryNext()
		if !ok {
			return nil
		}
		if err := w.node.listener.Handle(ev); err != nil {
			return err
		}
		heard := w.node.heard
		w.node.heard = nil
		if err := w.step(heard...); err != nil {
			return err
		}
	}
}

// listener notes what events mean. After a gap the follower asks for
// everything anew, as of a node that has come.
func (w *wallet) listener() *bus.Listener {
	note := func(in follow.Input) error {
		w.node.heard = append(w.node.heard, in)
		return nil
	}
	l := bus.NewListener()
	l.OnGap(func(uint64) error { return note(follow.EventsLost{}) })
	l.OnFault(func(topic string, err error) {
		w.log.Warn(fmt.Sprintf("Wallet %q: unreadable event %s: %v", w.cfg.Name, topic, err))
	})
	msg.LinkUp.OnTo(l, string(roles.Node), func(msg.RegistryEntry, bus.Meta) error { return note(follow.NodeUp{}) })
	msg.TipChanged.On(l, func(e p2p.TipChangedEvent, _ bus.Meta) error {
		return note(follow.Tip{Hash: e.Tip.Hash, Height: e.Tip.Height})
	})
	msg.WatchedTx.OnTo(l, w.env.Name, func(e msg.WatchedTxEvent, _ bus.Meta) error {
		return note(poolInput(e))
	})
	return l
}

// poolInput tells what an event of the mempool means. One whose transaction
// cannot be read counts as lost.
func poolInput(e msg.WatchedTxEvent) follow.Input {
	txs, err := parseTxs(e.Attached)
	if err != nil || len(txs) != 1 {
		return follow.EventsLost{}
	}
	return follow.PoolEvent{Seq: e.Seq, Tx: txs[0], Entered: e.Added, ByBlock: e.Reason == removedForBlock}
}

// step takes inputs in, writes what changed, and has the node asked. w.steps
// is held. After a failure the process ends: its memory may be ahead of its
// disk.
func (w *wallet) step(inputs ...follow.Input) error {
	for _, in := range inputs {
		w.mu.Lock()
		effects, err := w.follower.Step(in, w.env.Clock.Now().Unix())
		next := w.keypool.Next()
		w.noteProgress()
		w.mu.Unlock()
		for _, effect := range effects {
			err = errors.Join(err, w.carryOut(effect, next))
		}
		if err != nil {
			w.node.fail(err)
			return err
		}
	}
	return nil
}

func (w *wallet) carryOut(effect follow.Effect, next [2]uint32) error {
	switch e := effect.(type) {
	case follow.Save:
		state := store.State{Next: next, Locator: e.Position.Locator, Height: e.Position.Height}
		return w.store.Save(state, e.Txs, e.Forget)
	case follow.Rescanned:
		w.env.Logger.Info(fmt.Sprintf("Wallet %q: rescanned blocks %d to %d", w.cfg.Name, e.From, e.To))
	case follow.Refused:
		w.env.Logger.Warn(fmt.Sprintf("Wallet %q: payment %s was refused: %s", w.cfg.Name, e.Hash, e.Reason))
	case follow.Wait:
		w.log.Debug(fmt.Sprintf("Wallet %q cannot follow the chain now: %s", w.cfg.Name, e.Reason))
		w.node.ask(effect)
	default:
		w.node.ask(effect)
	}
	return nil
}

// saveKeys writes how many keys were handed out. w.steps is held.
func (w *wallet) saveKeys() error {
	err := w.carryOut(follow.Save{Position: w.follower.Stored()}, w.keypool.Next())
	if err != nil {
		w.node.fail(err)
	}
	return err
}

// noteProgress notes whether a scan is under way, and wakes commands that
// wait. w.mu is held.
func (w *wallet) noteProgress() {
	_, to, scanning := w.follower.Progress()
	switch now := time.Now(); {
	case !scanning && w.follower.InSync():
		w.scanSince, w.scanLogged = time.Time{}, time.Time{}
	case scanning && w.scanSince.IsZero():
		w.scanSince, w.scanLogged = now, now
	case scanning && now.Sub(w.scanLogged) > progressInterval:
		w.scanLogged = now
		w.env.Logger.Info(fmt.Sprintf("Wallet %q: still rescanning, at block %d of %d", w.cfg.Name, w.follower.Position().Height, to))
	}
	w.wake(w.follower.InSync())
}
