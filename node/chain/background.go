package chain

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/bulkheadnode/bulkhead/node/coins"
)

// Background is the background validation of the blocks that led to an assumed UTXO set,
// with a set of its own, while the chain goes on above.
type Background struct {
	base *BlockNode // whose set is assumed
	view atomic.Pointer[View]

	durable *BlockNode // from which on a start may have to repeat blocks; the owner's

	mu  sync.Mutex // held while set is changed
	set *coins.Cache
}

// Base returns the block whose set is assumed.
func (h *Background) Base() *BlockNode { return h.base }

// View returns the chain that is verified so far.
func (h *Background) View() *View { return h.view.Load() }

// Coins returns the UTXO set of View.
func (h *Background) Coins() *coins.Cache { return h.set }

// Done reports whether all blocks are verified.
func (h *Background) Done() bool { return h.View().Tip() == h.base }

// Background returns what is left of verifying the past, nil if nothing is.
func (r *Reader) Background() *Background { return r.background.Load() }

// Verified returns the best chain as far as all of it is verified and there: it
// differs from View while there is a Background.
func (r *Reader) Verified() *View {
	if h := r.Background(); h != nil {
		return h.View()
	}
	return r.View()
}

// openBackground goes on with the background of an assumed set.
func (e *Engine) openBackground() error {
	from := e.cfg.Assumed
	if from == nil {
		return nil
	}
	h := &Background{base: e.tree.lookup(from.Set.Block)}
	if h.base == nil {
		return fmt.Errorf("%w: the block of the assumed set, %s, is not in it", ErrIndex, from.Set.Block)
	}
	set, heads, err := coins.Open(from.Verified)
	if err != nil {
		return err
	}
	tip, durable, err := e.loadCoins(set, heads)
	if err != nil {
		return err
	}
	h.set, h.durable = set, durable
	e.repeated = e.repeated || heads != nil
	h.view.Store(viewOf(tip))
	e.background.Store(h)
	return nil
}

// EndBackground ends a background whose set was found to be the assumed one.
func (e *Engine) EndBackground() error {
	if err := e.fail(e.endFlush()); err != nil {
		return err
	}
	e.background.Store(nil)
	e.refillCandidates()
	return nil
}

// unproven reports whether a block is one that the background may not have, or
// that it still needs.
func (r *Reader) unproven(n *BlockNode) bool {
	h := r.Background()
	return h != nil && n.Height <= h.base.Height
}

// mayLeave reports whether the best chain may go back to a block: below an
// assumed set there is no undo data to do so.
func (e *core) mayLeave(fork *BlockNode) bool {
	h := e.Background()
	return h == nil || fork.Height >= h.base.Height
}

func viewOf(tip *BlockNode) *View {
	nodes := make([]*BlockNode, tip.Height+1, tip.Height+1024)
	for n := tip; n != nil; n = n.Parent {
		nodes[n.Height] = n
	}
	return &View{nodes: nodes}
}

// cacheLimit is how large each of the sets in memory may become.
func (r *Reader) cacheLimit() int64 {
	if r.Background() != nil {
		return r.cache / 2
	}
	return r.cache
}
