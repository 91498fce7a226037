package chain

import (
	"errors"
	"slices"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// flush is what is being made durable while the chain goes on: files, then
// headers, then coins, as they were when it began.
type flush struct {
	mark mark
	tip  *BlockNode
	past *BlockNode // to which the background's set belongs; nil if there is none
	sets []*coins.Flush
	size int64         // bytes of memory of the coins
	done chan struct{} // closed at the end
	err  error         // of the end
}

// BeginFlush begins to make durable what is connected, and returns at once. No
// block is under way. If a flush is, it does nothing: that one ends soon.
func (e *storage) BeginFlush() error {
	switch {
	case e.failure != nil:
		return e.failure
	case len(e.pipeline.blocks) > 0:
		return errPending
	case e.writing != nil:
		return nil
	}
	return e.fail(e.beginFlush())
}

var errPending = errors.New("chain: blocks are under way; Drain first")

func (e *storage) beginFlush() error {
	f := &flush{tip: e.current.Tip(), size: e.unwritten(), done: make(chan struct{})}
	if err := e.cfg.Room(f.size + e.tree.pendingBytes()); err != nil {
		return err
	}
	f.mark = mark{end: e.cfg.Blocks.End(), tip: e.coins.Best()}
	if h := e.Background(); h != nil {
		f.past = h.View().Tip()
	}
	var err error
	if f.sets, err = e.setAside(); err != nil {
		return err
	}
	e.writing, e.repeated = f, false
	go func() {
		f.err = e.write(f)
		close(f.done)
		select {
		case e.flushed <- struct{}{}:
		default: // the one before has not been noticed
		}
	}()
	return nil
}

// unwritten estimates the bytes of coins that are in memory only.
func (e *storage) unwritten() int64 {
	size := e.coins.Unwritten()
	if h := e.Background(); h != nil {
		size += h.set.Unwritten()
	}
	return size
}

func (e *storage) setAside() ([]*coins.Flush, error) {
	own, err := e.coins.BeginFlush()
	h := e.Background()
	if err != nil || h == nil {
		return []*coins.Flush{own}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	past, err := h.set.BeginFlush()
	return []*coins.Flush{own, past}, err
}

// write makes a flush durable. It is the only one beside the owner.
func (e *storage) write(f *flush) error {
	if err := e.writeChain(f.mark); err != nil {
		return err
	}
	for _, set := range f.sets {
		if err := set.Write(); err != nil {
			return err
		}
	}
	return nil
}

// giveUp lets a flush end before its time.
func (f *flush) giveUp() {
	for _, set := range f.sets {
		set.GiveUp()
	}
}

// writeChain makes durable what a mark tells of.
func (e *storage) writeChain(m mark) error {
	if err := e.cfg.Blocks.Sync(); err != nil {
		return err
	}
	if err := e.tree.write(e.cfg.Index); err != nil {
		return err
	}
	err := e.cfg.Index.Write(func(w store.Writer) error { return w.Put(slices.Clone(keyDurable), m.encode()) })
	if err != nil {
		return err
	}
	return e.cfg.Index.Sync()
}

// Flushed returns a channel that gets an element when a flush has ended:
// Collect takes it in.
func (e *storage) Flushed() <-chan struct{} { return e.flushed }

// flushDue reports whether so much has changed that it is to be written, which
// leaves room for what changes meanwhile, or whether it took a start to find out
// what has: the next one is not to do it again.
func (e *storage) flushDue() bool {
	return e.writing == nil && (e.repeated || e.coins.Unwritten() >= e.cacheLimit()/10*6)
}

// crowded reports whether memory has no room for coins until a flush has ended,
// also when it has given back those that the store has, too.
func (e *storage) crowded() bool {
	limit := e.cacheLimit()
	e.coins.Trim(limit)
	return e.writing != nil && e.coins.Size() > limit
}

// Flushing returns a channel that is closed when the flush under way has ended;
// nil if none is.
func (e *Engine) Flushing() <-chan struct{} {
	if e.writing == nil {
		return nil
	}
	return e.writing.done
}

// Crowded returns a channel that is closed when the flush has ended for which
// Advance has to wait; nil if it has not.
func (e *Engine) Crowded() <-chan struct{} {
	if !e.crowded() {
		return nil
	}
	return e.writing.done
}

// noticeFlush takes in that a flush has ended, if it has.
func (e *storage) noticeFlush() error {
	if e.writing == nil {
		return nil
	}
	select {
	case <-e.writing.done:
		return e.endFlush()
	default:
		return nil
	}
}

// endFlush waits for the end of a flush.
func (e *storage) endFlush() error {
	f := e.writing
	if f == nil {
		return nil
	}
	<-f.done
	if f.err != nil {
		return f.err
	}
	e.writing, e.durable = nil, f.tip
	if f.past != nil {
		e.Background().durable = f.past
	}
	return nil
}

// Flush makes all of the chain durable, and waits until it is.
func (e *storage) Flush() error {
	if e.failure != nil {
		return e.failure
	}
	if err := e.fail(e.endFlush()); err != nil {
		return err
	}
	if err := e.BeginFlush(); err != nil {
		return err
	}
	return e.fail(e.endFlush())
}

// Leave makes all of the chain durable, for the end, in little time: if more
// coins than Config.LeaveWrites are not written, the next Open has to repeat the
// blocks that they come from. No block is under way. Nothing else is done with the
// engine afterwards.
func (e *storage) Leave() error {
	left, err := e.leaveFlush()
	switch {
	case e.failure != nil:
		return e.failure
	case err != nil:
		return e.fail(err)
	case len(e.pipeline.blocks) > 0:
		return errPending
	case !left && e.unwritten() <= e.cfg.LeaveWrites:
		return e.Flush()
	}
	return e.fail(e.leaveUnwritten())
}

// leaveFlush waits for the end of a flush, which it ends before its time if it
// takes long. left tells that it has.
func (e *storage) leaveFlush() (left bool, err error) {
	f := e.writing
	if f == nil {
		return false, nil
	}
	if f.size+e.unwritten() > e.cfg.LeaveWrites {
		f.giveUp()
	}
	if err = e.endFlush(); errors.Is(err, coins.ErrGivenUp) {
		return true, nil
	}
	return false, err
}

func (e *storage) leaveUnwritten() error {
	if err := e.writeChain(mark{end: e.cfg.Blocks.End(), tip: e.coins.Best()}); err != nil {
		return err
	}
	if h := e.Background(); h != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		if err := h.set.LeaveUnwritten(); err != nil {
			return err
		}
	}
	return e.coins.LeaveUnwritten()
}
