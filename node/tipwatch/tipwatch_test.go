package tipwatch_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/tipwatch"
)

func TestAwaitEndsWithTheHeightOrTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := tipwatch.New()
		reached := func(height int32) bool { return height >= 2 }
		ended := make(chan error, 1)
		go func() { ended <- w.Await(t.Context(), reached) }()
		w.Set(1)
		synctest.Wait()
		require.Empty(t, ended)
		w.Set(2)
		require.NoError(t, <-ended)

		gone := errors.New("gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() { ended <- w.Await(ctx, func(int32) bool { return false }) }()
		synctest.Wait()
		cancel(gone)
		require.ErrorIs(t, <-ended, gone)
	})
}

func TestSetWakesEvenAtTheSameHeight(t *testing.T) {
	w := tipwatch.New()
	_, changed := w.Next()
	w.Set(0)
	<-changed
}
