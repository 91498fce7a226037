package chainstate

import (
	"errors"
	"time"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// State is chain and mempool in the hands of the one who may change them: it
// is valid inside Do only.
//
// What Chain's own methods have done is told when Do ends, or one of the methods
// here does; what Pool's have done is not, so it is changed by those here only.
type State struct {
	Chain *chain.Engine
	Pool  *mempool.Pool

	o           *Owner
	observe     func(Event)
	moved       moves
	beforeStart map[*chain.BlockNode]struct{}
	until       time.Time // when a step should end early; zero for never
}

// Now returns the time in Unix seconds.
func (s *State) Now() int64 { return s.o.now() }

// Vital is Owner.Vital.
func (s *State) Vital(err error) error { return s.o.Vital(err) }

// Activate lets the chain go where it should, and waits until it is there.
func (s *State) Activate() error {
	for {
		if err := s.Advance(); err != nil {
			return err
		}
		done := s.awaited()
		switch {
		case done == nil:
			return nil
		case s.Chain.UnderWay():
			if err := s.Drain(); err != nil {
				return err
			}
		default:
			<-done
		}
	}
}

// awaited returns a channel that is closed when there is reason to call Advance
// again, after it has ended; nil if the chain is where it should be.
func (s *State) awaited() <-chan struct{} {
	if next := s.Chain.Next(); next != nil {
		return next
	}
	if flushed := s.Chain.Crowded(); flushed != nil || !s.Chain.Resumes() {
		return flushed
	}
	done := make(chan struct{}) // a flush has ended just now
	close(done)
	return done
}

// Advance is Activate that does not wait for the scripts of the last blocks.
func (s *State) Advance() error {
	s.tell()
	for {
		more, err := s.Chain.Advance(s.Now())
		if err = s.follow(err); err != nil || !more {
			return err
		}
	}
}

// Drain finishes the blocks that are under way, and waits for their scripts.
func (s *State) Drain() error { return s.follow(s.Chain.Drain(s.Now())) }

// Collect finishes the blocks whose scripts have run, and a flush that has
// ended. The chain goes on if it waited for that; and if a block is invalid, with
// the best of the others: its bringer may be gone.
func (s *State) Collect() error {
	if err := s.follow(s.Chain.Collect(s.Now())); err != nil || !s.Chain.Resumes() {
		return err
	}
	return s.resume()
}

// resume lets the chain go on for a turn. Whoever has the gate begins blocks
// himself, or waits until none is under way.
func (s *State) resume() error {
	select {
	case s.o.gate <- struct{}{}:
		defer func() { <-s.o.gate }()
	default:
		return nil
	}
	_, err := s.inTurn(s.Advance) // else the next Collect goes on
	return err
}

// inTurn runs fn, whose steps are interrupted after a turn. early tells that they
// were.
func (s *State) inTurn(fn func() error) (early bool, err error) {
	s.until = time.Now().Add(turn)
	defer func() { s.until = time.Time{} }()
	if err = fn(); errors.Is(err, chain.ErrInterrupted) && !s.o.Stopped() {
		return true, nil
	}
	return false, err
}

// Checkpoint makes what was connected survive a kill. It finishes blocks whose
// scripts have run, as their sender may not wait for them.
func (s *State) Checkpoint() error {
	if err := s.Collect(); err != nil {
		return err
	}
	return s.Chain.Checkpoint()
}

// BeginFlush begins to make everything durable. No block is under way.
func (s *State) BeginFlush() error {
	s.tell()
	return s.Vital(s.Chain.BeginFlush())
}

// Flush makes everything durable, and waits until it is. No block is under way.
func (s *State) Flush() error {
	s.tell()
	return s.Vital(s.Chain.Flush())
}

// LimitPool drops what is too old from the mempool.
func (s *State) LimitPool() { s.observeAll(poolEvents(s.Pool.Limit(s.Now()))) }

// follow tells of a step of the chain that ended with err.
func (s *State) follow(err error) error {
	s.tell()
	return s.Vital(err)
}

// interrupted tells the engine to come to an end.
func (s *State) interrupted() bool {
	return s.o.Stopped() || !s.until.IsZero() && time.Now().After(s.until)
}
