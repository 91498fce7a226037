package chainstate

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/script"
)

// Callers with the same transaction run its scripts once, and hear the same.
func TestScriptsRunOnceForAllCallers(t *testing.T) {
	for _, verdict := range []error{nil, &script.Error{Reason: "refused"}} {
		synctest.Test(t, func(t *testing.T) {
			f := flights{running: map[flightName]*flight{}}
			runs, release, heard := 0, make(chan struct{}), make(chan error, 8)
			for range cap(heard) {
				go func() {
					heard <- f.join(t.Context(), flightName{}, func() error {
						runs++
						<-release
						return verdict
					})
				}()
			}
			synctest.Wait()
			close(release)
			for range cap(heard) {
				require.Equal(t, verdict, <-heard)
			}
			require.Equal(t, 1, runs)
			require.Empty(t, f.running)
		})
	}
}

// A caller that has no time left does not speak for those that have.
func TestACallerWhoGivesUpIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := flights{running: map[flightName]*flight{}}
		release, first, second := make(chan struct{}), make(chan error, 1), make(chan error, 1)
		go func() {
			first <- f.join(t.Context(), flightName{}, func() error { <-release; return context.Canceled })
		}()
		synctest.Wait()
		go func() {
			second <- f.join(t.Context(), flightName{}, func() error { return nil })
		}()
		impatient, cancel := context.WithCancelCause(t.Context())
		third := make(chan error, 1)
		go func() { third <- f.join(impatient, flightName{}, func() error { return nil }) }()
		synctest.Wait()
		gone := errors.New("gone")
		cancel(gone)
		require.Equal(t, gone, <-third)
		close(release)
		require.Equal(t, context.Canceled, <-first)
		require.NoError(t, <-second)
	})
}
