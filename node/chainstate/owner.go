package chainstate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/script"
)

// Config is what an Owner works with.
type Config struct {
	Chain   chain.Config   // Interrupted is set by Open
	Mempool mempool.Config // Verifier is set by Open
	Now     func() int64   // Unix seconds
	Observe func(Event)    // see the package's text
	Log     *slog.Logger
	// Stopping is asked during Open, which then ends early with
	// chain.ErrInterrupted; may be nil.
	Stopping func() bool
}

// Owner gives access to chain and mempool.
type Owner struct {
	params  *consensus.Params
	engine  *chain.Engine
	now     func() int64
	log     *slog.Logger
	gate    chan struct{} // held by who begins a block, or waits until none is under way
	token   chan struct{} // held by who uses the state
	still   sync.RWMutex  // held while readers are shown another chain, and the mempool follows it
	state   State
	stopped atomic.Bool
	failed  chan error

	verifier  *script.Verifier
	verifying chan struct{} // one element a transaction for the mempool whose scripts run
	flights   flights       // likewise, by name
}

// Open loads the chain. The mempool is empty.
func Open(cfg Config) (*Owner, error) {
	o := &Owner{
		params: cfg.Chain.Params, now: cfg.Now, log: cfg.Log,
		gate: make(chan struct{}, 1), token: make(chan struct{}, 1), failed: make(chan error, 1),
		verifier: cfg.Chain.Verifier, verifying: make(chan struct{}, cfg.Chain.Verifier.Parallel()),
		flights: flights{running: map[flightName]*flight{}},
	}
	o.state = State{o: o, observe: cfg.Observe}
	cfg.Chain.Interrupted = func() bool { return o.state.interrupted() || cfg.Stopping != nil && cfg.Stopping() }
	engine, err := chain.Open(cfg.Chain, o.now())
	if err != nil {
		return nil, err
	}
	cfg.Mempool.Verifier = cfg.Chain.Verifier
	o.engine = engine
	o.state.Chain, o.state.Pool = engine, mempool.New(cfg.Mempool)
	o.state.beforeStart = connectedBefore(engine)
	return o, nil
}

// Chain returns what may be read of the chain from anywhere at any time.
func (o *Owner) Chain() *chain.Reader { return o.engine.Reader }

// Pool returns what may be read of the mempool from anywhere at any time.
func (o *Owner) Pool() *mempool.Reader { return o.state.Pool.Reader }

// Time returns the time that blocks are judged by, Unix seconds.
func (o *Owner) Time() int64 { return o.now() }

// MinRate returns the least fee rate that the mempool accepts now.
func (o *Owner) MinRate() mempool.Rate { return o.state.Pool.MinRate(o.now()) }

// Doubted tells why Open forgot blocks that had been stored; see
// chain.Engine.Doubted.
func (o *Owner) Doubted() []error { return o.engine.Doubted() }

// Prove verifies the next block of a loaded set's background; see
// chain.Engine.Prove.
func (o *Owner) Prove() (*chain.Proof, error) { return o.engine.Prove() }

// Do runs fn as the only one who uses the state, when no block is under way.
// It returns the error of fn, or the cause of ctx if that ends before fn begins.
// While it waits for blocks that are under way, no other is begun, and who does
// not mind them has the state. A chain that waited for them, too, is where it was,
// and goes on at the next Collect.
func (o *Owner) Do(ctx context.Context, fn func(*State) error) error {
	return o.gated(ctx, func() error {
		for {
			var running <-chan struct{}
			err := o.DoAmidBlocks(ctx, func(s *State) error {
				if err := s.Collect(); err != nil {
					return err
				}
				if running = s.Chain.Next(); running != nil {
					return nil
				}
				return fn(s)
			})
			if err != nil || running == nil {
				return err
			}
			if err := await(ctx, running); err != nil {
				return err
			}
		}
	})
}

// begin is DoAmidBlocks for who may begin a block: those who wait in Do have
// their turn before.
func (o *Owner) begin(ctx context.Context, fn func(*State) error) error {
	return o.gated(ctx, func() error { return o.DoAmidBlocks(ctx, fn) })
}

func (o *Owner) gated(ctx context.Context, fn func() error) error {
	select {
	case o.gate <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-o.gate }()
	return fn()
}

func await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// DoAmidBlocks is Do for what may be done while scripts of blocks still run:
// the UTXO set may be ahead of the chain that View shows.
func (o *Owner) DoAmidBlocks(ctx context.Context, fn func(*State) error) error {
	select {
	case o.token <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-o.token }()
	err := fn(&o.state)
	o.state.tell()
	return err
}

// ReadTip runs fn while neither the chain that readers see nor what it means for
// the mempool changes; see chain.Reader.ReadTip. It may not be called inside Do.
func (o *Owner) ReadTip(fn func(*chain.TipState) error) error {
	o.still.RLock()
	defer o.still.RUnlock()
	return o.engine.ReadTip(fn)
}

// Stop makes a step that is under way end before its next block.
func (o *Owner) Stop() { o.stopped.Store(true) }

// Stopped reports whether Stop was called.
func (o *Owner) Stopped() bool { return o.stopped.Load() }

// Failed returns a channel that gets the first error after which chain and
// mempool cannot go on.
func (o *Owner) Failed() <-chan error { return o.failed }

// Vital passes on the error of a step of the chain, and sends it to Failed
// unless it only says that the step ended early.
func (o *Owner) Vital(err error) error {
	if err != nil && !errors.Is(err, chain.ErrInterrupted) {
		select {
		case o.failed <- err:
		default: // there was one before
		}
	}
	return err
}

// turn is how long blocks are connected at a time that nobody has just brought.
const turn = 250 * time.Millisecond

// ConnectStored connects the blocks that are on disk. There may be hours of
// them: now and then others have a turn.
func (o *Owner) ConnectStored(ctx context.Context) error {
	for {
		var early bool
		var wait <-chan struct{}
		err := o.begin(ctx, func(s *State) (err error) {
			early, err = s.inTurn(func() error {
				wait, err = s.connectStored()
				return err
			})
			return err
		})
		switch {
		case err != nil:
			return err
		case early:
			continue
		case wait == nil:
			return nil
		}
		if err := await(ctx, wait); err != nil {
			return err
		}
	}
}

// connectStored is a turn of ConnectStored. It returns what the next one waits
// for, nil if all blocks are connected.
func (s *State) connectStored() (wait <-chan struct{}, err error) {
	if err := s.Collect(); err != nil {
		return nil, err
	}
	if err := s.Advance(); err != nil {
		return nil, err
	}
	if wait = s.awaited(); wait == nil {
		s.forgetLeft()
	}
	return wait, nil
}

// DoFlushed runs fn as Do does, when everything is durable. Most of that is made so
// before, while others have the state.
func (o *Owner) DoFlushed(ctx context.Context, fn func(*State) error) error {
	if err := o.flushAhead(ctx); err != nil {
		return err
	}
	return o.Do(ctx, func(s *State) error {
		if err := s.Flush(); err != nil {
			return err
		}
		return fn(s)
	})
}

func (o *Owner) flushAhead(ctx context.Context) error {
	var written <-chan struct{}
	err := o.Do(ctx, func(s *State) error {
		err := s.BeginFlush()
		written = s.Chain.Flushing()
		return err
	})
	if err != nil || written == nil {
		return err
	}
	return await(ctx, written)
}

// Flushed returns a channel that gets an element when a flush has ended. Who
// hears it calls Collect.
func (o *Owner) Flushed() <-chan struct{} { return o.engine.Flushed() }

// Close makes durable what is connected, in little time, and connects nothing any
// more: blocks whose scripts still run are connected after the next start. Nothing
// else is done with chain or mempool afterwards.
func (o *Owner) Close() error {
	o.Stop()
	return o.DoAmidBlocks(context.Background(), func(s *State) error {
		err := s.Chain.Abandon()
		if left := s.Vital(s.Chain.Leave()); err == nil { // a flush has ended, whatever failed before
			err = left
		}
		return err
	})
}

func (o *Owner) logRefusal(where string, block *consensus.Block, reject *consensus.Reject) {
	o.log.Error(fmt.Sprintf("%s: %s, %s", where, block.Hash, reject.Error()))
	o.log.Error(fmt.Sprintf("ProcessNewBlock: AcceptBlock FAILED (%s)", reject.Error()))
}
