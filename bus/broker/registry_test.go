package broker_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
)

// TestTheRegistryShowsTheLinksThatOneMayHearOf: a worker, which a stranger may
// have taken over, learns neither who the other peers are nor which wallets
// there are, and is not woken by them.
func TestTheRegistryShowsTheLinksThatOneMayHearOf(t *testing.T) {
	b := bustest.New(t)
	shown := func(conn *bus.Conn) (names []string) {
		reply, err := msg.Registry.Call(t.Context(), conn, bus.None{})
		require.NoError(t, err)
		for _, e := range reply.Links {
			names = append(names, e.Instance)
		}
		slices.Sort(names)
		return names
	}
	gateway, _ := b.Conn(roles.Gateway, "gateway", nil)
	worker, _ := b.Conn(roles.Worker, "worker.1", nil)
	wallet, _ := b.Conn(roles.Wallet, "wallet.1", nil)
	for _, topic := range []string{"bus.link.", "bus.link.up.", "bus.link.up.wallet", "bus.link.gone.worker"} {
		_, err := worker.Subscribe(t.Context(), topic)
		require.ErrorIs(t, err, bus.ErrDenied, topic)
	}
	sub, err := worker.Subscribe(t.Context(), msg.LinkUp.Name()+"node", msg.LinkGone.Name()+"node")
	require.NoError(t, err)
	b.Conn(roles.Worker, "worker.2", nil)
	b.Conn(roles.Node, "node", nil)
	require.Equal(t, []string{"node"}, shown(worker))
	require.Equal(t, []string{"node", "wallet.1"}, shown(wallet))
	require.Equal(t, []string{"gateway", "node", "wallet.1", "worker.1", "worker.2"}, shown(gateway))
	ev, err := sub.Next(t.Context())
	require.NoError(t, err)
	entry, err := msg.LinkUp.Decode(ev)
	require.NoError(t, err)
	require.Equal(t, "node", entry.Instance, "the first that it heard of")
	_, more := sub.TryNext()
	require.False(t, more)
}

// TestAWorkerHearsWhatItsOwnPeersAreTold, and not what those of a worker are told
// whose name begins with its own.
func TestAWorkerHearsWhatItsOwnPeersAreTold(t *testing.T) {
	b := bustest.New(t)
	node, _ := b.Conn(roles.Node, "node", nil)
	worker, _ := b.Conn(roles.Worker, "worker.1", nil)
	_, err := worker.Subscribe(t.Context(), msg.PeerTold.Name()+"worker.1")
	require.ErrorIs(t, err, bus.ErrDenied)
	sub, err := worker.Subscribe(t.Context(), msg.PeerTold.Name()+"worker.1.")
	require.NoError(t, err)
	for peer, name := range []string{"worker.12.", "worker.1."} {
		require.NoError(t, msg.PeerTold.PublishTo(t.Context(), node, name, p2p.PeerEvent{Peer: int64(peer)}))
	}
	ev, err := sub.Next(t.Context())
	require.NoError(t, err)
	told, err := msg.PeerTold.Decode(ev)
	require.NoError(t, err)
	require.EqualValues(t, 1, told.Peer)
}
