package download

import (
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"
)

var start = time.Unix(1_700_000_000, 0)

func hashes(n int) []chainhash.Hash {
	hashes := make([]chainhash.Hash, n)
	for i := range hashes {
		hashes[i] = chainhash.Hash{byte(i), byte(i >> 8)}
	}
	return hashes
}

var (
	alice = Holder{"worker.1", 1}
	bob   = Holder{"worker.2", 2}
)

func TestNothingTwice(t *testing.T) {
	l := New(Config{PerPeer: 4, Patience: time.Minute})
	missing := hashes(6)
	a := l.Grant(alice, missing, 100, start)
	require.Equal(t, missing[:4], a)
	b := l.Grant(bob, missing, 100, start)
	require.Equal(t, missing[4:], b)
	require.Empty(t, l.Grant(bob, missing, 100, start))
	require.True(t, l.Delivered(alice, missing[0], start))
	require.False(t, l.Delivered(alice, missing[0], start))
	require.Equal(t, 3, l.Owed(alice))
}

func TestLateLeasesGoToOthers(t *testing.T) {
	l := New(Config{PerPeer: 4, Patience: time.Minute})
	missing := hashes(3)
	l.Grant(alice, missing, 3, start)
	// A delivery gives the rest its time anew.
	later := start.Add(50 * time.Second)
	l.Delivered(alice, missing[0], later)
	got := l.Grant(bob, missing[1:], 3, start.Add(100*time.Second))
	require.Empty(t, got)
	require.Equal(t, []Holder{alice}, l.Expire(later.Add(61*time.Second)))
	got = l.Grant(bob, missing[1:], 3, later.Add(61*time.Second))
	require.Equal(t, missing[1:], got)
	require.Zero(t, l.Owed(alice))
}

func TestWorkerGone(t *testing.T) {
	l := New(DefaultConfig())
	missing := hashes(9)
	l.Grant(alice, missing, 3, start)
	l.Grant(Holder{"worker.1", 7}, missing, 3, start)
	l.Grant(bob, missing, 3, start)
	require.Equal(t, 6, l.WorkerGone("worker.1"))
	got := l.Grant(bob, missing, 100, start)
	require.Equal(t, missing[:6], got)
}
