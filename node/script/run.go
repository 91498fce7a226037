package script

import (
	"sync"
	"sync/atomic"

	"github.com/bulkheadnode/bulkhead/node/signature"
)

// Run is the verification of some jobs. Its goroutines end by themselves when
// all inputs are verified, or one has failed.
type Run struct {
	inputs []input
	next   atomic.Int64  // input that nobody has taken
	stop   atomic.Int64  // inputs from here on do not matter
	done   chan struct{} // closed at the end

	mu  sync.Mutex
	err error // of the input at stop
}

// Start begins to verify jobs, as Verify does, and returns at once. Whatever
// was started before takes precedence. The caller must Wait.
func (v *Verifier) Start(jobs []Job) *Run {
	r := &Run{inputs: v.inputs(jobs), done: make(chan struct{})}
	r.stop.Store(int64(len(r.inputs)))
	workers := min(cap(v.slots), len(r.inputs))
	if workers == 0 {
		close(r.done)
		return r
	}
	var left atomic.Int64
	left.Store(int64(workers))
	for range workers {
		go func() {
			v.slots <- struct{}{}
			r.work(v)
			<-v.slots
			if left.Add(-1) == 0 {
				close(r.done)
			}
		}()
	}
	return r
}

// Stop lets the run end early: its result does not matter any more.
func (r *Run) Stop() { r.stop.Store(0) }

// Done returns a channel that is closed when the run has ended.
func (r *Run) Done() <-chan struct{} { return r.done }

// Wait waits for the end and returns the *Error of the first input, in the
// jobs' order, whose script fails.
func (r *Run) Wait() error {
	<-r.done
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// work verifies inputs until there are none. Which of several that fail is
// found first is chance; the lowest one is not.
func (r *Run) work(v *Verifier) {
	var put later
	keyPath := put.verify
	for {
		i := r.next.Add(1) - 1
		if i >= r.stop.Load() {
			break
		}
		put.input = i
		if err := v.execute(r.inputs[i], keyPath); err != nil {
			r.fail(i, err)
			break
		}
		if put.full() {
			r.flush(v, &put)
		}
	}
	r.flush(v, &put)
}

// flush finds out about signatures that were put off. Inputs whose signature fails
// are run again, for their error.
func (r *Run) flush(v *Verifier, put *later) {
	put.flush(func(i int64) {
		if err := v.execute(r.inputs[i], signature.VerifySchnorr); err != nil {
			r.fail(i, err)
		}
	})
}

func (r *Run) fail(i int64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i < r.stop.Load() {
		r.stop.Store(i)
		r.err = err
	}
}
