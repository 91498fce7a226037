package wallet

import (
	"errors"
	"fmt"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/wallet/follow"
	"github.com/bulkheadnode/bulkhead/wallet/store"
)

// removedForBlock is the reason why a transaction leaves the mempool that a
// block confirmed.
const removedForBlock = "block"

// nodeRole is the node's role on the bus.
const nodeRole = "node"

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
		if err := w.step(w.inputsOf(ev)...); err != nil {
			return err
		}
	}
}

// inputsOf tells what an event means. One that cannot be read counts as lost.
func (w *wallet) inputsOf(ev bus.Event) (inputs []follow.Input) {
	if ev.Gap > 0 {
		inputs = append(inputs, follow.EventsLost{})
	}
	in, err := w.inputOf(ev)
	switch {
	case err != nil:
		w.log.Warn(fmt.Sprintf("Wallet %q: unreadable event %s: %v", w.cfg.Name, ev.Topic, err))
		inputs = append(inputs, follow.EventsLost{})
	case in != nil:
		inputs = append(inputs, in)
	}
	return inputs
}

func (w *wallet) inputOf(ev bus.Event) (follow.Input, error) {
	switch {
	case msg.LinkUp.Matches(ev):
		if entry, err := msg.LinkUp.Decode(ev); err != nil {
			return nil, err
		} else if entry.Role == nodeRole {
			return follow.NodeUp{}, nil
		}
	case msg.TipChanged.Matches(ev):
		changed, err := msg.TipChanged.Decode(ev)
		if err != nil {
			return nil, err
		}
		return follow.Tip{Hash: changed.Tip.Hash, Height: changed.Tip.Height}, nil
	case ev.Topic == msg.WatchedTx.Name()+w.env.Name:
		watched, err := msg.WatchedTx.Decode(ev)
		if err != nil {
			return nil, err
		}
		txs, err := parseTxs(watched.Attached)
		if err != nil {
			return nil, err
		}
		if len(txs) != 1 {
			return nil, fmt.Errorf("it has %d transactions", len(txs))
		}
		return follow.PoolEvent{
			Seq: watched.Seq, Tx: txs[0], Entered: watched.Added, ByBlock: watched.Reason == removedForBlock,
		}, nil
	}
	return nil, nil
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
