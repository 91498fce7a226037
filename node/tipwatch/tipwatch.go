package tipwatch

import (
	"context"
	"sync"
)

// Watch is a height and who waits for its next change.
type Watch struct {
	mu      sync.Mutex    // guards the fields below
	changed chan struct{} // closed at the next Set
	height  int32

	ended chan struct{}
	end   sync.Once
}

// New returns a Watch of height 0.
func New() *Watch { return &Watch{changed: make(chan struct{}), ended: make(chan struct{})} }

// End tells those who hear of it by Ended that the height is not to change any
// more, since the node stops.
func (w *Watch) End() { w.end.Do(func() { close(w.ended) }) }

// Ended returns a channel that is closed by End.
func (w *Watch) Ended() <-chan struct{} { return w.ended }

// Set changes the height and wakes all who wait, even if it is the same: the
// block may be another.
func (w *Watch) Set(height int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.height = height
	close(w.changed)
	w.changed = make(chan struct{})
}

// Next returns the height and a channel that is closed at the next Set.
func (w *Watch) Next() (height int32, changed <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.height, w.changed
}

// Await returns nil when done says so, which is asked at once and after each
// change, or the cause of ctx.
func (w *Watch) Await(ctx context.Context, done func(height int32) bool) error {
	for {
		height, changed := w.Next()
		if done(height) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
