package ship

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"
)

// concrete makes a name that a pattern allows.
func concrete(pattern, instance string) string {
	pattern = strings.ReplaceAll(pattern, "{self}", instance)
	return strings.ReplaceAll(pattern, "*", "probe")
}

// methods returns one name for each pattern that some role offers.
func methods(table rights.Table) []string {
	var names []string
	for role, rights := range table {
		for _, pattern := range rights.Offer {
			names = append(names, concrete(pattern, string(role)))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestTheWholeTableOfRightsBothWays(t *testing.T) {
	table := partRights()
	b := bustest.NewWith(t, broker.Config{Table: table})
	for _, role := range slices.Sorted(maps.Keys(table)) {
		rights := table[role]
		conn, stop := b.Conn(role, string(role), nil)
		allowed := func(patterns []string, name string) bool {
			return slices.ContainsFunc(patterns, func(p string) bool {
				prefix, open := strings.CutSuffix(p, "*")
				return p == name || open && strings.HasPrefix(name, prefix)
			})
		}
		for _, method := range methods(table) {
			_, err := bus.Method[bus.None, bus.None](method).Call(t.Context(), conn, bus.None{})
			if allowed(rights.Call, method) {
				require.ErrorIs(t, err, bus.ErrNoService, "%s calls %s", role, method)
			} else {
				require.ErrorIs(t, err, bus.ErrDenied, "%s calls %s", role, method)
			}
		}
		for _, other := range table {
			for _, pattern := range slices.Concat(other.Publish, other.Hear) {
				topic := concrete(pattern, string(role))
				sub, heard := conn.Subscribe(t.Context(), topic)
				err := bus.Topic[bus.None](topic).Publish(t.Context(), conn, bus.None{})
				if allowed(rights.Publish, topic) {
					require.NoError(t, err, "%s publishes %s", role, topic)
				} else {
					require.ErrorIs(t, err, bus.ErrDenied, "%s publishes %s", role, topic)
				}
				if allowed(rights.Hear, topic) || slices.Contains(rights.Hear, strings.ReplaceAll(pattern, string(role), "{self}")) {
					require.NoError(t, heard, "%s hears %s", role, topic)
					sub.Close()
				} else {
					require.ErrorIs(t, heard, bus.ErrDenied, "%s hears %s", role, topic)
				}
			}
		}
		stop()
	}
}

func TestARoleOffersOnlyItsOwn(t *testing.T) {
	table := partRights()
	b := bustest.NewWith(t, broker.Config{Table: table})
	for role, rights := range table {
		for _, method := range methods(table) {
			fits := slices.ContainsFunc(rights.Offer, func(p string) bool {
				prefix, open := strings.CutSuffix(p, "*")
				return p == method || open && strings.HasPrefix(method, prefix)
			})
			mux := bus.NewMux()
			bus.Method[bus.None, bus.None](method).Handle(mux, nil)
			conn := bus.New(b.Link(role, fmt.Sprintf("%s offers %s", role, method)), bus.Config{Mux: mux})
			ended := make(chan error, 1)
			go func() { ended <- conn.Run(t.Context()) }()
			select {
			case <-conn.Ready():
				require.True(t, fits, "%s may offer %s", role, method)
			case <-ended:
				require.False(t, fits, "%s may not offer %s", role, method)
			}
		}
	}
}

// TestNoDeadlockByConstruction: an edge says that a role may call what
// another offers; rpc.* is for the gateway alone.
func TestNoDeadlockByConstruction(t *testing.T) {
	table := partRights()
	edges := map[rights.Role][]rights.Role{}
	for caller, rights := range table {
		for _, pattern := range rights.Call {
			for callee, other := range table {
				for _, offer := range other.Offer {
					if callee != caller && overlap(pattern, offer) {
						edges[caller] = append(edges[caller], callee)
					}
				}
			}
		}
	}
	require.Contains(t, edges[roles.Worker], roles.Node)
	require.Empty(t, edges[roles.Node], "the node calls nobody")
	var visit func(role rights.Role, path []rights.Role)
	visit = func(role rights.Role, path []rights.Role) {
		require.NotContains(t, path, role, "a cycle of calls")
		for _, next := range edges[role] {
			visit(next, append(path, role))
		}
	}
	for role := range table {
		visit(role, nil)
	}
}

func overlap(a, b string) bool {
	x, openA := strings.CutSuffix(a, "*")
	y, openB := strings.CutSuffix(b, "*")
	return a == b || openA && strings.HasPrefix(y, x) || openB && strings.HasPrefix(x, y)
}

// The JSON-RPC commands that a part may offer are its own, and no others.
func TestCommandsAreOfferedByTheirParts(t *testing.T) {
	table := partRights()
	require.Contains(t, table[roles.Wallet].Offer, "rpc.sendtoaddress")
	require.Contains(t, table[roles.Peers].Offer, "rpc.getpeerinfo")
	require.Contains(t, table[roles.Notify].Offer, "rpc.getzmqnotifications")
	require.Contains(t, table[roles.Gateway].Offer, "rpc.help")
	require.Contains(t, table[roles.Supervisor].Offer, "rpc.stop")
	require.Equal(t, []string{"rpc.setmocktime", "rpc.logging"}, table[roles.Worker].Offer)
	require.NotContains(t, table[roles.Wallet].Offer, "rpc.getpeerinfo")
}
