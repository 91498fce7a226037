package feed

import (
	"context"
	"sync"
	"time"
)

// pacer publishes at once, but what can wait no more often than every interval:
// then it is published later, as it is by that time.
type pacer struct {
	interval time.Duration
	publish  func() (again bool) // again: there is more to publish later
	prepare  func()              // called by run before publish, without the lock: it may take long; nil for nothing

	mu   sync.Mutex    // held while publish runs, so that what is published later is newer
	last time.Time     // when publish ran
	due  bool          // it is to run again
	wake chan struct{} // tells run that it is due
}

func newPacer(interval time.Duration, publish func() (again bool)) *pacer {
	return &pacer{interval: interval, publish: publish, wake: make(chan struct{}, 1)}
}

// changed publishes, unless that can wait and was done a moment ago: then run
// does it.
func (p *pacer) changed(canWait bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.due = canWait && now.Sub(p.last) < p.interval; !p.due {
		p.now()
	} else {
		p.later()
	}
}

// now publishes. The lock is held.
func (p *pacer) now() {
	p.last = time.Now()
	if p.due = p.publish(); p.due {
		p.later()
	}
}

// later has run publish what is due.
func (p *pacer) later() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run publishes what has waited for the interval, until ctx ends.
func (p *pacer) run(ctx context.Context) error {
	for {
		select {
		case <-p.wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		pause := time.NewTimer(p.interval)
		select {
		case <-pause.C:
			if p.prepare != nil {
				p.prepare()
			}
			p.publishDue()
		case <-ctx.Done():
			pause.Stop()
			return context.Cause(ctx)
		}
	}
}

func (p *pacer) publishDue() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.due {
		p.now()
	}
}
