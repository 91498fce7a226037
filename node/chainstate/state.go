package chainstate

import (
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// State is chain and mempool in the hands of the one who may change them: it
// is valid inside Do only.
//
// What changes the chain by Chain's own methods must be followed by Follow, as
// the methods here do.
type State struct {
	Chain *chain.Engine
	Pool  *mempool.Pool

	o       *Owner
	observe func(Event)
	moved   moves
	refused []BlockRefused // told when the mempool has followed
	resumed map[*chain.Node]struct{}
	until   time.Time // when a step should end early; zero for never
}

// Now returns the time in Unix seconds.
func (s *State) Now() int64 { return s.o.now() }

// Vital is Owner.Vital.
func (s *State) Vital(err error) error { return s.o.Vital(err) }

// Activate lets the chain go where it should.
func (s *State) Activate() error { return s.Follow(s.Chain.Activate(s.Now())) }

// Drain finishes the blocks that are under way, and waits for their scripts.
func (s *State) Drain() error { return s.Follow(s.Chain.Drain(s.Now())) }

// Checkpoint makes what was connected survive a kill. It finishes blocks whose
// scripts have run, as their sender may not wait for them.
func (s *State) Checkpoint() error {
	if err := s.Follow(s.Chain.Collect(s.Now())); err != nil {
		return err
	}
	return s.Chain.Checkpoint()
}

// Flush makes everything durable.
func (s *State) Flush() error {
	if err := s.Chain.Drain(s.Now()); err != nil {
		return s.Vital(err)
	}
	return s.Vital(s.Chain.Flush())
}

// Follow lets the mempool follow a step of the chain that ended with err, and
// tells what came of it.
func (s *State) Follow(err error) error {
	s.settle()
	// Who sees that a peer has to go sees the chain as it is then.
	refused := s.refused
	s.refused = nil
	for _, ev := range refused {
		s.observe(ev)
	}
	return s.Vital(err)
}

// MempoolTip returns what the mempool needs to know of the chain.
func (s *State) MempoolTip() mempool.Tip {
	view := s.Chain.View()
	tip := view.Tip()
	next := tip.Height + 1
	return mempool.Tip{
		Height: tip.Height, MedianTime: tip.MedianTime(), Now: s.Now(),
		MedianTimeAt: func(height int32) int64 { return view.At(height).MedianTime() },
		Flags:        s.o.params.ScriptFlags(&chainhash.Hash{}, next),
	}
}

// interrupted tells the engine to come to an end.
func (s *State) interrupted() bool {
	return s.o.Stopped() || !s.until.IsZero() && time.Now().After(s.until)
}
