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

// Advance takes the next step towards the best block whose branch is known to
// the end: some blocks, or a reorganisation as a whole. It reports whether there
// is more to do: take the events and call it again. Blocks that prove invalid on
// the way are marked, and reported as Refused.
//
// It does not wait for the scripts of the last blocks; Collect and Drain go on with
// those, and Resumes tells then whether to call it again. After an error other than
// ErrInterrupted, nothing that changes chain or disk succeeds any more.
func (e *Engine) Advance(now int64) (more bool, err error) {
	if e.failure != nil {
		return false, e.failure
	}
	e.pipeline.broken, e.pipeline.held = false, false
	if !e.UnderWay() {
		e.pipeline.obstacle = nil
	}
	more, err = e.advance(now)
	if errors.Is(err, ErrInterrupted) {
		e.pipeline.held = true
	}
	return more && err == nil, e.fail(err)
}

func (e *Engine) advance(now int64) (more bool, err error) {
	if e.cfg.Interrupted() {
		return false, ErrInterrupted
	}
	if e.tidyDue() && e.UnderWay() {
		return e.hold()
	}
	// What is written was told: blocks that are durable are no news after a crash.
	if err := e.keepBounds(); err != nil {
		return false, err
	}
	if e.crowded() {
		return e.hold()
	}
	if left, err := e.leaveInvalid(now); left || err != nil {
		return left, err
	}
	best := e.mostWork()
	if best == e.current.Tip() && !e.UnderWay() {
		e.recall()
		e.dropCandidates()
		return false, nil
	}
	if best == e.end() {
		return false, nil
	}
	return e.towards(best, now)
}

// hold ends Advance until those under way, or a flush, have come to their end.
func (e *connector) hold() (more bool, err error) {
	e.pipeline.held = true
	return false, nil
}

// Resumes reports whether Advance has to be called without a block having come:
// it was interrupted, or ended for something that has come to an end, or before
// blocks were taken back.
func (e *Engine) Resumes() bool {
	return e.pipeline.broken || e.pipeline.held && !e.UnderWay() && !e.crowded()
}

// towards moves towards best: by extending the chain, or, to another branch, by
// a step.
func (e *Engine) towards(best *BlockNode, now int64) (more bool, err error) {
	if best.Ancestor(e.end().Height) == e.end() {
		err := e.extend(best, now)
		return !e.pipeline.held, err
	}
	if e.UnderWay() {
		return e.hold() // some may prove invalid
	}
	return true, e.step(best, now)
}

// tidyDue reports whether keepBounds has something to do that no block may be
// under way for.
func (e *storage) tidyDue() bool { return e.flushDue() || e.pruneDue() }

// keepBounds begins to write out, and deletes, what has become too much.
func (e *Engine) keepBounds() error {
	if err := errors.Join(e.noticeFlush(), e.checkpointIfMany()); err != nil {
		return err
	}
	if e.UnderWay() {
		return nil
	}
	if err := e.pruneIfLarge(); err != nil {
		return err
	}
	if e.flushDue() {
		return e.BeginFlush()
	}
	return nil
}

// mostWork returns the best candidate whose branch down to the best chain is
// valid as far as known.
func (e *branches) mostWork() *BlockNode {
	view := e.current
	for {
		var best *BlockNode
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

func (e *branches) usable(tip *BlockNode, view *View) bool {
	n := tip
	for ; !view.Contains(n); n = n.Parent {
		if n.status&failed != 0 {
			return false
		}
		if n.status&haveBlock == 0 {
			e.awaitAgain(tip, n)
			return false
		}
	}
	return e.mayLeave(n)
}

// awaitAgain has a branch wait for a block of it that was deleted: it could be the best
// chain when that has come again.
func (e *branches) awaitAgain(tip, deleted *BlockNode) {
	for n := tip; n != deleted; n = n.Parent {
		delete(e.candidates, n)
		e.await(n)
	}
}

// await has a block wait for its parent.
func (e *branches) await(n *BlockNode) {
	if !slices.Contains(e.waiting[n.Parent], n) {
		e.waiting[n.Parent] = append(e.waiting[n.Parent], n)
	}
}

// dropCandidates forgets those that are worse than the tip.
func (e *branches) dropCandidates() {
	tip := e.current.Tip()
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
func (e *connector) step(best *BlockNode, now int64) error {
	old := e.current
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
	e.publish(fork, path, now)
	return nil
}

// climbBack connects the blocks of old again from fork on. The set would not be
// that of the view if one of them were not what it was before.
func (e *connector) climbBack(fork *BlockNode, old *View) error {
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
func (e *connector) climb(fork, best *BlockNode, old *View) (path []*BlockNode, err error) {
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
func (e *connector) failedToConnect(n *BlockNode, err error) error {
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
func (e *storage) lose(n *BlockNode, damage *DamageError) error {
	delete(e.candidates, n)
	e.emit(Lost{damage})
	if err := e.forget([]*BlockNode{n}); err != nil {
		return err
	}
	e.waiting = map[*BlockNode][]*BlockNode{}
	e.tree.each(func(n *BlockNode) {
		if n.status&haveBlock != 0 && n.chainTx == 0 {
			e.await(n)
		}
	})
	e.refillCandidates() // who waits for what was deleted is found among them
	return nil
}

// publish makes the chain end with path, above fork.
func (e *branches) publish(fork *BlockNode, path []*BlockNode, now int64) {
	next := e.current.with(fork, path)
	next.Initial = e.current.Initial && e.stillInitial(next.Tip(), now)
	next.BestHeader = e.bestHeader
	e.changeTip(next, fork)
}

// refuse marks a block that failed to connect.
func (e *branches) refuse(n *BlockNode, reject *consensus.Reject) {
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
func (e *branches) RefusedFor(n *BlockNode) *consensus.Reject { return e.refused[n] }

// rewind disconnects blocks until fork is the tip of the UTXO set.
func (e *connector) rewind(from, fork *BlockNode) error {
	e.recall()
	for n := from; n != fork; n = n.Parent {
		block, err := e.ReadBlock(n)
		if err != nil {
			return err
		}
		e.uncommitted.begin(move{node: n, block: block, back: true})
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
func (e *connector) connectTip(n *BlockNode, initial bool) error {
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
	e.uncommitted.begin(move{node: n, block: b, undo: undo})
	e.coins.Commit(view, n.Hash)
	e.emitConnected(n, b, undo, initial)
	return nil
}

func (e *connector) emitConnected(n *BlockNode, b *consensus.Block, undo coins.Undo, initial bool) {
	e.emit(Connected{Node: n, Block: b, Spent: undo, Initial: initial, Size: e.coins.Size(), Coins: e.coins.Len()})
}

// markFailed marks a block and its descendants invalid.
func (e *branches) markFailed(n *BlockNode) {
	e.tree.mu.Lock()
	for _, m := range e.tree.nodes {
		if m.Ancestor(n.Height) == n && m.status&failed == 0 {
			m.status |= failed
			e.tree.noteRefused(m)
			e.tree.dirty[m] = struct{}{}
			delete(e.candidates, m)
		}
	}
	e.tree.mu.Unlock()
	e.chooseBestHeader()
}

// chooseBestHeader looks at all headers, after one was condemned or redeemed.
func (e *branches) chooseBestHeader() {
	if e.bestHeader != nil && e.bestHeader.status&failed != 0 {
		e.bestHeader = nil
	}
	e.tree.each(func(n *BlockNode) {
		if n.status&failed == 0 {
			e.considerHeader(n)
		}
	})
	e.noteBestHeader()
}

// branch returns the nodes above fork up to tip, lowest first.
func branch(fork, tip *BlockNode) []*BlockNode {
	var nodes []*BlockNode
	for n := tip; n != fork; n = n.Parent {
		nodes = append(nodes, n)
	}
	slices.Reverse(nodes)
	return nodes
}
