package chain

import (
	"errors"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/script"
)

// Bounds of what may be under way: enough that no processor waits while the
// next block is prepared.
const (
	maxPending      = 32
	maxPendingBytes = 24 << 20
)

// pending is a block whose effects the cache of coins has, while its scripts
// run. They are taken back if one fails.
type pending struct {
	node  *BlockNode
	block *consensus.Block
	undo  coins.Undo
	run   *script.Run
}

func (p *pending) hasRun() bool {
	select {
	case <-p.run.Done():
		return true
	default:
		return false
	}
}

// pipeline holds the blocks above the tip whose scripts run, lowest first: one
// that is slow keeps nobody from what needs no more than the tip.
type pipeline struct {
	blocks []*pending
	bytes  int
	broken bool // blocks were taken back, and Advance has not looked where to go instead
	held   bool // Advance waits for those under way, or for a flush

	obstacle *BlockNode // the block above, if it could not be prepared
}

func (p *pipeline) push(b *pending) {
	p.blocks = append(p.blocks, b)
	p.bytes += len(b.block.Raw)
}

func (p *pipeline) pop() *pending {
	b := p.blocks[0]
	p.blocks[0] = nil
	p.blocks = p.blocks[1:]
	p.bytes -= len(b.block.Raw)
	return b
}

func (p *pipeline) full() bool { return len(p.blocks) >= maxPending || p.bytes >= maxPendingBytes }

// Collect finishes the blocks whose scripts have run already, and a flush that
// has ended.
func (e *connector) Collect(now int64) error {
	if err := e.finish(now, (*pending).hasRun); err != nil {
		return err
	}
	return e.fail(e.noticeFlush())
}

// Drain finishes all blocks that are under way. If it is interrupted, some
// still are.
func (e *connector) Drain(now int64) error {
	return e.finish(now, func(*pending) bool { return true })
}

// Abandon takes back the blocks that are under way, for the end: they are
// connected when the chain goes on.
func (e *connector) Abandon() error {
	e.recall()
	if e.failure != nil || len(e.pipeline.blocks) == 0 {
		return e.failure
	}
	return e.fail(e.takeBack())
}

// extend prepares the blocks from the end towards best, one after the other,
// while the scripts of those before it run and the next one is read.
func (e *connector) extend(best *BlockNode, now int64) error {
	for height := e.end().Height + 1; height <= best.Height && !e.enough(); height++ {
		if e.cfg.Interrupted() {
			return ErrInterrupted
		}
		n := best.Ancestor(height)
		if n == e.pipeline.obstacle {
			e.pipeline.held = true
			return nil
		}
		b, err := e.turnOf(n)
		if height < best.Height {
			e.ahead = e.prefetch(best.Ancestor(height + 1))
		}
		if err == nil {
			err = e.prepare(n, b)
		}
		if err != nil {
			return e.obstacle(n, b, err)
		}
		if err := e.finish(now, e.isRipe); err != nil {
			return err
		}
		if e.end() != n {
			return nil // one before it proved invalid
		}
		if e.tidyDue() || e.crowded() {
			return nil
		}
	}
	return nil
}

// isRipe tells which blocks are finished on the way: those whose scripts have
// run, and the lowest one when no more may wait.
func (e *connector) isRipe(p *pending) bool { return p.hasRun() || e.pipeline.full() }

// prepare applies a block to the coins and starts its scripts.
func (e *connector) prepare(n *BlockNode, b *consensus.Block) error {
	view := e.coins.NewView()
	undo, jobs, err := e.applyBlock(n, b, view)
	if err != nil {
		return err
	}
	if !e.scriptsMatter(n) {
		jobs = nil
	}
	e.uncommitted.begin(move{node: n, block: b, undo: undo})
	e.coins.Commit(view, n.Hash)
	e.pipeline.push(&pending{n, b, undo, e.cfg.Verifier.Start(jobs)})
	return nil
}

// obstacle deals with a block that could not be prepared. That says something
// about it only when those before it are known to be valid: until then it is put
// back.
func (e *connector) obstacle(n *BlockNode, b *consensus.Block, err error) error {
	if !e.UnderWay() {
		return e.failedToConnect(n, err)
	}
	var damage *DamageError
	if asReject(err) == nil && !errors.As(err, &damage) {
		return err
	}
	if b != nil {
		e.recent.add(n, b)
	}
	e.pipeline.obstacle, e.pipeline.held = n, true
	return nil
}

// finish completes blocks from the lowest on while ripe says so, and
// publishes the last. It waits for their scripts.
func (e *connector) finish(now int64, ripe func(*pending) bool) error {
	if e.failure != nil {
		for _, p := range e.pipeline.blocks {
			_ = p.run.Wait()
		}
		return e.failure
	}
	return e.fail(e.finishRipe(now, ripe))
}

func (e *connector) finishRipe(now int64, ripe func(*pending) bool) error {
	initial := e.current.Initial
	var path []*BlockNode
	for len(e.pipeline.blocks) > 0 && ripe(e.pipeline.blocks[0]) {
		if e.cfg.Interrupted() {
			e.publishPath(path, now)
			return ErrInterrupted
		}
		p := e.pipeline.blocks[0]
		if err := scriptError(p.run.Wait()); err != nil {
			if err := e.takeBack(); err != nil {
				return err
			}
			e.publishPath(path, now)
			return e.failedToConnect(p.node, err)
		}
		if err := e.storeUndo(p.node, p.undo); err != nil {
			e.publishPath(path, now)
			return err
		}
		e.pipeline.pop()
		e.emitConnected(p.node, p.block, p.undo, initial)
		path = append(path, p.node)
	}
	e.publishPath(path, now)
	return nil
}

func (e *branches) publishPath(path []*BlockNode, now int64) {
	if len(path) > 0 {
		e.publish(e.current.Tip(), path, now)
	}
}

// takeBack undoes all blocks that are under way.
func (e *connector) takeBack() error {
	for _, p := range e.pipeline.blocks {
		p.run.Stop() // what it finds does not matter any more
	}
	for i := len(e.pipeline.blocks) - 1; i >= 0; i-- {
		p := e.pipeline.blocks[i]
		_ = p.run.Wait()
		view := e.coins.NewView()
		if _, err := unspendBlock(p.node, p.block, p.undo, view); err != nil {
			return err
		}
		e.coins.Commit(view, *p.node.prevHash())
	}
	e.uncommitted.goneBack(e.uncommitted.total - uint64(len(e.pipeline.blocks)))
	e.pipeline = pipeline{broken: true}
	return nil
}
