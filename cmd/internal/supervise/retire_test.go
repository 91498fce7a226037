package supervise

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/part"
)

// Who is retired goes on, and is not started again, however it ends: also if it was to be
// started again in a moment.
func TestRetire(t *testing.T) {
	for name, end := range map[string]error{"in order": nil, "by a crash": errCrash} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				die := make(chan error)
				r := newRig(t, func(ctx context.Context, env part.Env, _ json.RawMessage) error {
					return env.Serve(ctx, bus.NewMux(), nil, func(context.Context, *bus.Conn) error { return <-die })
				})
				defer r.stop()
				require.NoError(t, r.s.StartAndWait(t.Context(), worker(Forever)))
				r.s.Retire([]string{"worker.1", "worker.9"})
				synctest.Wait()
				require.Len(t, r.s.Status(), 1)
				require.Equal(t, []string{"worker.1"}, r.s.Retired())
				die <- end
				<-time.After(time.Hour)
				require.Empty(t, r.s.Status())
				require.Empty(t, r.s.Retired())
				require.Len(t, r.startsOf("worker.1"), 1)
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(ctx context.Context, env part.Env, _ json.RawMessage) error {
			return env.Serve(ctx, bus.NewMux(), nil, func(context.Context, *bus.Conn) error { return errCrash })
		})
		defer r.stop()
		require.NoError(t, r.s.StartAndWait(t.Context(), worker(Forever)))
		<-time.After(time.Second) // it has crashed more than once, and is paused
		crashes := len(r.startsOf("worker.1"))
		r.s.Retire([]string{"worker.1"})
		<-time.After(time.Hour)
		require.Empty(t, r.s.Status())
		require.Len(t, r.startsOf("worker.1"), crashes)
	})
}
