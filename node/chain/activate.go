package chain

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// stepBlocks is after how many connected blocks the better chain is looked for
// anew and the view published, unless a reorganisation is under way.
const stepBlocks = 32

// ErrInterrupted is returned by a step that was asked to end early.
var ErrInterrupted = errors.New("chain: interrupted")

// Activate connects blocks until the tip is the best block whose branch is
// known to the end. Blocks that prove invalid on the way are marked, and
// reported as Refused; an error means that the engine cannot go on.
func (e *Engine) Activate(now int64) error {
	for {
		if err := e.Advance(now); err != nil {
			drained := e.Drain(now)
			if errors.Is(err, ErrInterrupted) {
				err = errors.Join(err, drained)
			}
			return err
		}
		if len(e.pipeline.blocks) == 0 {
			return nil
		}
		if err := e.Drain(now); err != nil {
			return err
		}
	}
}

// Advance is Activate that does not wait for the scripts of the last blocks.
// Settle, Collect and Drain go on with those. After an error other than
// ErrInterrupted, nothing that changes chain or disk succeeds any more.
func (e *Engine) Advance(now int64) error {
	if e.failure != nil {
		return e.failure
	}
	return e.fail(e.advance(now))
}

func (e *Engine) advance(now int64) error {
	for {
		if e.cfg.Interrupted() {
			return ErrInterrupted
		}
		if err := e.leaveInvalid(now); err != nil {
			return err
		}
		best := e.mostWork()
		if best == e.View().Tip() && len(e.pipeline.blocks) == 0 {
			e.dropCandidates()
			return nil
		}
		if best == e.end() {
			return nil
		}
		if err := e.towards(best, now); err != nil {
			return err
		}
		if err := e.keepBounds(); err != nil {
			return err
		}
	}
}

// towards moves towards best: to catch up, by extending the chain with many
// blocks at a time, else by a step.
func (e *Engine) towards(best *Node, now int64) error {
	if e.catchingUp(e.end()) && best.Ancestor(e.end().Height) == e.end() {
		return e.extend(best, now)
	}
	if err := e.Drain(now); err != nil {
		return err
	}
	// What was under way may have proved invalid.
	if best = e.mostWork(); best == e.View().Tip() {
		return nil
	}
	return e.step(best, now)
}

// keepBounds writes out, and deletes, what has become too much.
func (e *Engine) keepBounds() error {
	if err := e.checkpointIfMany(); err != nil {
		return err
	}
	if len(e.pipeline.blocks) > 0 {
		return nil
	}
	if err := e.pruneIfLarge(); err != nil {
		return err
	}
	return e.flushIfLarge()
}

// mostWork returns the best candidate whose branch down to the best chain is
// valid as far as known.
func (e *Engine) mostWork() *Node {
	view := e.View()
	for {
		var best *Node
		for n := range e.candidates {
			if best == nil || better(n, best) {
				best = n
			}
		}
		if best == nil {
			return view.Tip()
		}
		if e.usable(best, view) {
			return best
		}
		delete(e.candidates, best)
	}
}

func (e *Engine) usable(n *Node, view *View) bool {
	for ; !view.Contains(n); n = n.Parent {
		if n.status&failed != 0 || n.status&haveBlock == 0 {
			return false
		}
	}
	return e.mayLeave(n)
}

// dropCandidates forgets those that are worse than the tip.
func (e *Engine) dropCandidates() {
	tip := e.View().Tip()
	for n := range e.candidates {
		if n != tip && better(tip, n) {
			delete(e.candidates, n)
		}
	}
	e.candidates[tip] = struct{}{}
	e.recent.dropBelow(tip.Height - keepNear)
}

// step moves towards best: back to the fork, then up until the chain is better
// than before, and on for some blocks. It publishes once; if the new branch
// proves invalid too early, it goes back and publishes nothing.
func (e *Engine) step(best *Node, now int64) error {
	old := e.View()
	fork := old.Fork(best)
	if err := e.leavable(old.Tip(), fork); err != nil {
		return err
	}
	if err := e.rewind(old.Tip(), fork); err != nil {
		return err
	}
	path, err := e.climb(fork, best, old)
	if err != nil {
		return err
	}
	reached := fork
	if len(path) > 0 {
		reached = path[len(path)-1]
	}
	if reached != old.Tip() && better(old.Tip(), reached) {
		if err := e.rewind(reached, fork); err != nil {
			return err
		}
		if err := e.climbBack(fork, old); err != nil {
			return err
		}
		path = nil
	}
	if len(path) == 0 {
		e.back()
		return nil
	}
	e.publish(old, fork, path, now)
	return nil
}

// climbBack connects the blocks of old again from fork on. The set would not be
// that of the view if one of them were not what it was before.
func (e *Engine) climbBack(fork *Node, old *View) error {
	for fork != old.Tip() {
		path, err := e.climb(fork, old.Tip(), old)
		if err != nil {
			return err
		}
		if len(path) == 0 {
			return fmt.Errorf("%w: block %s at height %d, which was connected before", ErrLeft, old.At(fork.Height+1).Hash, fork.Height+1)
		}
		fork = path[len(path)-1]
	}
	return nil
}

// climb connects blocks from fork towards best and returns them. It ends early
// at an invalid block, and where a pause does no harm.
func (e *Engine) climb(fork, best *Node, old *View) (path []*Node, err error) {
	for height := fork.Height + 1; height <= best.Height; height++ {
		n := best.Ancestor(height)
		if err := e.connectTip(n, old.Initial); err != nil {
			return path, e.failedToConnect(n, err)
		}
		path = append(path, n)
		if pause := len(path) >= stepBlocks || e.cfg.Interrupted(); pause && better(n, old.Tip()) {
			return path, nil
		}
	}
	return path, nil
}

// failedToConnect deals with a block that is invalid or damaged; other errors
// are returned.
func (e *Engine) failedToConnect(n *Node, err error) error {
	if reject := asReject(err); reject != nil {
		e.refuse(n, reject)
		return nil
	}
	var damage *DamageError
	if errors.As(err, &damage) {
		return e.lose(n, damage)
	}
	return err
}

// lose forgets a block that is not what was stored: it can be had again.
func (e *Engine) lose(n *Node, damage *DamageError) error {
	delete(e.candidates, n)
	e.emit(Lost{damage})
	if err := e.forget([]*Node{n}); err != nil {
		return err
	}
	e.waiting = map[*Node][]*Node{}
	e.tree.each(func(n *Node) {
		if n.status&haveBlock != 0 && n.chainTx == 0 {
			e.waiting[n.Parent] = append(e.waiting[n.Parent], n)
		}
	})
	return nil
}

func (e *Engine) publish(old *View, fork *Node, path []*Node, now int64) {
	next := old.with(fork, path)
	next.Initial = old.Initial && e.stillInitial(next.Tip(), now)
	next.BestHeader = e.bestHeader
	e.show(next, old, fork)
}

func (e *Engine) flushIfLarge() error {
	limit := e.cacheLimit()
	if e.coins.Size() < limit {
		return nil
	}
	if err := e.Flush(); err != nil {
		return err
	}
	// What stays must leave room, or every step would end with a flush.
	e.coins.Trim(limit / 2)
	return nil
}

// refuse marks a block that failed to connect.
func (e *Engine) refuse(n *Node, reject *consensus.Reject) {
	e.refused[n] = reject
	e.emit(Refused{n, reject})
	if reject.Result != consensus.Mutated {
		e.markFailed(n)
	}
	delete(e.candidates, n)
}

// RefusedFor returns why a block could not be connected since the engine was
// opened; nil if it was not refused, or only for an ancestor's sake. It is for
// the owner.
func (e *Engine) RefusedFor(n *Node) *consensus.Reject { return e.refused[n] }

// rewind disconnects blocks until fork is the tip of the UTXO set.
func (e *Engine) rewind(from, fork *Node) error {
	for n := from; n != fork; n = n.Parent {
		block, err := e.ReadBlock(n)
		if err != nil {
			return err
		}
		e.lead.begin(move{node: n, block: block, back: true})
		if err := e.disconnect(n, block, e.coins); err != nil {
			return err
		}
		// A later step may come back here.
		e.candidates[n] = struct{}{}
		e.emit(Disconnected{n, block})
	}
	return nil
}

// connectTip verifies a block on top of the UTXO set and moves that to its end.
func (e *Engine) connectTip(n *Node, initial bool) error {
	b, err := e.blockOf(n)
	if err != nil {
		return err
	}
	view := e.coins.NewView()
	undo, err := e.spendBlock(n, b, view, e.scriptsMatter(n))
	if err != nil {
		return err
	}
	// What has entered the set can be taken back.
	if err := e.storeUndo(n, undo); err != nil {
		return err
	}
	e.lead.begin(move{node: n, block: b, undo: undo})
	e.coins.Commit(view, n.Hash)
	e.emitConnected(n, b, undo, initial)
	return nil
}

func (e *Engine) emitConnected(n *Node, b *consensus.Block, undo coins.Undo, initial bool) {
	e.emit(Connected{Node: n, Block: b, Spent: undo, Initial: initial, Size: e.coins.Size(), Coins: e.coins.Len()})
}

// markFailed marks a block and its descendants invalid.
func (e *Engine) markFailed(n *Node) {
	e.tree.mu.Lock()
	for _, m := range e.tree.nodes {
		if m.Ancestor(n.Height) == n && m.status&failed == 0 {
			m.status |= failed
			e.tree.dirty[m] = struct{}{}
			delete(e.candidates, m)
		}
	}
	e.tree.mu.Unlock()
	e.chooseBestHeader()
}

// chooseBestHeader looks at all headers, after one was condemned or redeemed.
func (e *Engine) chooseBestHeader() {
	if e.bestHeader != nil && e.bestHeader.status&failed != 0 {
		e.bestHeader = nil
	}
	e.tree.each(func(n *Node) {
		if n.status&failed == 0 {
			e.considerHeader(n)
		}
	})
	e.noteBestHeader()
}

// branch returns the nodes above fork up to tip, lowest first.
func branch(fork, tip *Node) []*Node {
	var nodes []*Node
	for n := tip; n != fork; n = n.Parent {
		nodes = append(nodes, n)
	}
	slices.Reverse(nodes)
	return nodes
}
