package supervise

import (
	"context"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func openNull(t *testing.T) *os.File {
	f, err := os.Open(os.DevNull)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// TestAFileMayComeAfterWhoAskedForIt, and is one's only.
func TestAFileMayComeAfterWhoAskedForIt(t *testing.T) {
	f, other := openNull(t), openNull(t)
	synctest.Test(t, func(t *testing.T) {
		g := newGiven()
		took := make(chan *os.File)
		go func() {
			f, err := g.take(t.Context(), 7)
			require.NoError(t, err)
			took <- f
		}()
		synctest.Wait()
		g.put("8", other)
		synctest.Wait()
		g.put("7", f)
		require.Same(t, f, <-took)
		_, err := g.take(t.Context(), 7)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		got, err := g.take(t.Context(), 8)
		require.NoError(t, err)
		require.Same(t, other, got)
	})
}

// TestFilesThatNobodyTakesMakeRoom for others, and are closed.
func TestFilesThatNobodyTakesMakeRoom(t *testing.T) {
	g := newGiven()
	first, last := openNull(t), openNull(t)
	g.put("0", first)
	for range maxGiven {
		g.put("1", openNull(t))
	}
	require.NotContains(t, g.files, uint64(0))
	require.ErrorIs(t, first.Close(), os.ErrClosed)
	g.put("no number", last)
	require.ErrorIs(t, last.Close(), os.ErrClosed)
}

// TestFilesThatNobodyClaims are closed after a while; who has taken one keeps it, and one
// that comes later under the same number has its own time.
func TestFilesThatNobodyClaims(t *testing.T) {
	f, taken, again := openNull(t), openNull(t), openNull(t)
	synctest.Test(t, func(t *testing.T) {
		g := newGiven()
		g.put("1", f)
		g.put("2", taken)
		got, err := g.take(t.Context(), 2)
		require.NoError(t, err)
		<-time.After(claimPatience / 2)
		g.put("2", again)
		<-time.After(claimPatience/2 + 1)
		synctest.Wait()
		require.ErrorIs(t, f.Close(), os.ErrClosed)
		for _, open := range []*os.File{got, again} {
			_, err = open.Stat()
			require.NoError(t, err)
		}
		<-time.After(claimPatience / 2)
		synctest.Wait()
		require.ErrorIs(t, again.Close(), os.ErrClosed)
		_, err = g.take(t.Context(), 2)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
