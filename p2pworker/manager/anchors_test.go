package manager

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// TestAnchors: the block-relay-only peers that a run ends with are the first of the
// next, though workers end before the manager writes.
func TestAnchors(t *testing.T) {
	dir := t.TempDir()
	s := newShip(t, Config{DataDir: dir, Automatic: true})
	w := s.worker("worker.1", 0)
	for _, target := range []string{"8.8.8.8:8333", "9.9.9.9:8333", "7.7.7.7:8333"} {
		kind := p2p.BlockRelayOnly
		if target == "7.7.7.7:8333" {
			kind = p2p.FullRelay
		}
		answer := concurrently(t.Context(), func(ctx context.Context) bool { return s.dial(ctx, target, kind, false) })
		rep := w.open(target, w.orders()[0].Dial.ID)
		require.Empty(t, rep.Refused)
		require.True(t, <-answer)
		if target == "8.8.8.8:8333" {
			_, err := msg.Of(p2p.IntroducePeer).Call(t.Context(), w.conn, p2p.IntroducePeerRequest{
				Peer: rep.Peer, Services: uint64(wire.SFNodeNetwork | wire.SFNodeWitness)})
			require.NoError(t, err)
		}
	}
	s.workerGone("worker.1")
	s.saveAnchors()

	again := newShip(t, Config{DataDir: dir, Automatic: true})
	require.NoFileExists(t, filepath.Join(dir, "anchors.dat"), "it serves once")
	require.Len(t, again.due, 2)
	w = again.worker("worker.1", 0)
	again.mu.Lock()
	again.fillSlots()
	again.mu.Unlock()
	require.Equal(t, "8.8.8.8:8333", w.orders()[0].Dial.Target)
	require.Empty(t, again.due, "the other never told what it offers")
}

func TestAnchorsOfNoUse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "anchors.dat")
	require.NoError(t, os.WriteFile(path, []byte("not anchors, but of more than the thirty-two bytes of a sum"), 0o600))
	manual := newShip(t, Config{DataDir: dir})
	manual.saveAnchors()
	require.FileExists(t, path, "with -connect they are left alone")
	s := newShip(t, Config{DataDir: dir, Automatic: true})
	require.Empty(t, s.due)
	require.NoFileExists(t, path)
	s.saveAnchors()
	require.FileExists(t, path)
}
