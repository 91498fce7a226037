package chain

// Take returns what has happened since the last call, in one total order.
func (e *core) Take() []Event {
	events := e.events
	e.events, e.untold, e.untoldBytes = nil, 0, 0
	return events
}

func (e *core) emit(ev Event) {
	if c, ok := ev.(Connected); ok {
		e.untold++
		e.untoldBytes += len(c.Block.Raw)
	}
	e.events = append(e.events, ev)
}

// Bounds of what one step connects before its events are taken.
const (
	maxUntold      = 32
	maxUntoldBytes = 16 << 20
)

// enough reports whether a step has done as much as it may.
func (e *core) enough() bool { return e.untold >= maxUntold || e.untoldBytes >= maxUntoldBytes }

// Show lets Readers see the chain of a TipChanged, or the header of a HeaderTip,
// that Take has returned. It is called for each of them, in their order.
func (e *core) Show(ev Event) {
	switch ev := ev.(type) {
	case TipChanged:
		e.show(ev.view, ev.moved)
	case HeaderTip:
		e.show(ev.view, ev.moved)
	}
}

func (e *core) show(view *View, moved uint64) {
	e.uncommitted.mu.Lock()
	defer e.uncommitted.mu.Unlock()
	e.view.Store(view)
	e.uncommitted.caughtUp(moved)
}

// changeTip makes next the chain. The moves that it does not contain are those
// of the pipeline.
func (e *core) changeTip(next *View, fork *BlockNode) {
	old := e.current
	e.current, e.moved = next, e.uncommitted.total-uint64(len(e.pipeline.blocks))
	e.emit(TipChanged{Tip: next.Tip(), Old: old.Tip(), Fork: fork, Initial: next.Initial, view: next, moved: e.moved})
}

// back tells that the UTXO set is that of current again.
func (e *core) back() { e.uncommitted.goneBack(e.moved) }

// end is the last block that the cache of coins has.
func (e *core) end() *BlockNode {
	if n := len(e.pipeline.blocks); n > 0 {
		return e.pipeline.blocks[n-1].node
	}
	return e.current.Tip()
}

// Pending returns a channel that is closed when the scripts of a block have
// run; nil if they do not.
func (e *core) Pending(n *BlockNode) <-chan struct{} {
	for _, p := range e.pipeline.blocks {
		if p.node == n {
			return p.run.Done()
		}
	}
	return nil
}

// Next returns a channel that is closed when the scripts of the lowest block
// have run that is under way; nil if none is.
func (e *core) Next() <-chan struct{} {
	if len(e.pipeline.blocks) == 0 {
		return nil
	}
	return e.pipeline.blocks[0].run.Done()
}

// UnderWay reports whether scripts of blocks run, or have run, that are not
// connected yet.
func (e *core) UnderWay() bool { return len(e.pipeline.blocks) > 0 }
