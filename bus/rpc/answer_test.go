package rpc_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// TestAnErrorWhoseTextIsNoUTF8Arrives: names of files have any bytes.
func TestAnErrorWhoseTextIsNoUTF8Arrives(t *testing.T) {
	mux := bus.NewMux()
	require.NoError(t, rpc.Table{{Name: "probe", Run: func(context.Context, *rpc.Call) (any, error) {
		return nil, rpc.Errorf(rpc.MiscError, "%s", "cannot open caf\xe9.dat")
	}}}.Announce(mux))
	b := bustest.New(t)
	b.Conn(roles.Node, "node", mux)
	gateway, _ := b.Conn(roles.Gateway, "gateway", nil)
	_, err := rpc.Ask(t.Context(), gateway, "node", "probe", rpc.Request{}, 1000)
	require.Equal(t, &rpc.Error{Code: rpc.MiscError, Message: "cannot open caf?.dat"}, err)
}
