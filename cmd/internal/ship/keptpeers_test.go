package ship

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/p2pworker/manager"
)

// A manager that is started again has what those before it handed over, of connections
// the last ones.
func TestKeptPeers(t *testing.T) {
	var k keptPeers
	require.Equal(t, manager.Config{DataDir: "x"}, k.among(manager.Config{DataDir: "x"}))
	_, err := k.keep(t.Context(), msg.KeptBody{Data: []byte("set")})
	require.NoError(t, err)
	remember := func(records ...[]byte) error {
		_, err := k.remember(t.Context(), msg.EndedPeersBody{Records: records})
		return err
	}
	require.NoError(t, remember([]byte{1}, []byte{2}))
	require.NoError(t, remember([]byte{3}))
	require.Equal(t, manager.Config{DataDir: "x", Kept: []byte("set"), Past: [][]byte{{1}, {2}, {3}}}, k.among(manager.Config{DataDir: "x"}))

	require.NoError(t, remember(make([][]byte, msg.MaxEndedPeers-2)...))
	past := k.among(manager.Config{}).Past
	require.Len(t, past, msg.MaxEndedPeers)
	require.Equal(t, []byte{2}, past[0], "the oldest are forgotten")

	// Of many bytes there are fewer.
	for range 2 * msg.MaxKept / msg.MaxEndedPeer {
		require.NoError(t, remember(make([]byte, msg.MaxEndedPeer)))
	}
	require.Len(t, k.among(manager.Config{}).Past, msg.MaxKept/msg.MaxEndedPeer)
	require.ErrorIs(t, remember([]byte{4}, make([]byte, msg.MaxEndedPeer+1)), bus.ErrBadMessage)
	_, err = k.keep(t.Context(), msg.KeptBody{Data: make([]byte, msg.MaxKept+1)})
	require.ErrorIs(t, err, bus.ErrBadMessage)
	require.Len(t, k.among(manager.Config{}).Past, msg.MaxKept/msg.MaxEndedPeer)
	require.Equal(t, msg.MaxKept, k.bytes)
}
