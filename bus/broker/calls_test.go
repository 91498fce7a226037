package broker

import (
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/stretchr/testify/require"
)

// TestALateReplyDoesNotReleaseAnotherCallOfItsID: a caller that reuses an id
// would else leave a call behind that its end does not cancel.
func TestALateReplyDoesNotReleaseAnotherCallOfItsID(t *testing.T) {
	l := newPendingCalls(8, 1)
	server := &attachment{}
	first, second := calledAt{server, 1 << 16}, calledAt{server, 2 << 16}
	ok, _ := l.remember(7, first)
	require.True(t, ok)
	_, ok = l.forget(7) // cancelled, while its reply is on the way
	require.True(t, ok)
	ok, _ = l.remember(7, second)
	require.True(t, ok)
	l.release(7, first)
	at, ok := l.lookup(7)
	require.True(t, ok)
	require.Equal(t, second, at)
	l.release(7, second)
	_, ok = l.lookup(7)
	require.False(t, ok)
}

// TestARoleHasItsShareOfAPart: links of one role, however many, leave room for
// the calls of others.
func TestARoleHasItsShareOfAPart(t *testing.T) {
	table := roles.Table(nil)
	ranks := map[rights.Role]int{roles.Client: 0, roles.Worker: 1, roles.Gateway: 2}
	caller := func(role rights.Role) *attachment {
		return &attachment{rank: ranks[role], share: table[role].Part(100)}
	}
	l := newPendingCalls(100, len(table))
	admitted := func(role rights.Role) (ids []uint64) {
		for range 1000 {
			id, ok, _ := l.admit(pending{caller: caller(role)})
			if !ok {
				break
			}
			ids = append(ids, id)
		}
		return ids
	}
	clients := admitted(roles.Client)
	require.Len(t, clients, 5)
	require.Len(t, admitted(roles.Worker), 50)
	require.Len(t, admitted(roles.Gateway), 45, "what is left")
	require.Empty(t, admitted(roles.Client))
	_, ok := l.take(clients[0])
	require.True(t, ok)
	require.Len(t, admitted(roles.Client), 1, "one call ended, one more may begin")
}
