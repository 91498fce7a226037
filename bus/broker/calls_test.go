package broker

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestALateReplyDoesNotReleaseAnotherCallOfItsID: a caller that reuses an id
// would else leave a call behind that its end does not cancel.
func TestALateReplyDoesNotReleaseAnotherCallOfItsID(t *testing.T) {
	l := ledger{limit: 8, made: map[uint64]calledAt{}}
	server := &port{}
	first, second := calledAt{server, 1 << 16}, calledAt{server, 2 << 16}
	require.True(t, l.remember(7, first))
	_, ok := l.forget(7) // cancelled, while its reply is on the way
	require.True(t, ok)
	require.True(t, l.remember(7, second))
	l.release(7, first)
	at, ok := l.lookup(7)
	require.True(t, ok)
	require.Equal(t, second, at)
	l.release(7, second)
	_, ok = l.lookup(7)
	require.False(t, ok)
}
