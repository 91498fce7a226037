package node_test

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
)

// A branch that is refused and would be far ahead is warned of, once, as long as it is so.
func TestARefusedBranchIsWarnedOf(t *testing.T) {
	r := newRig(t, "regtest", nil)
	r.loaded()
	best := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(10, 0)
	get[any](r, "setmocktime", best.Time()+1000)
	for _, s := range best.Path() {
		require.Nil(t, get[any](r, "submitblock", hex.EncodeToString(s.Raw)))
	}
	warnings := func() []any { return get[map[string]any](r, "getblockchaininfo")["warnings"].([]any) }
	require.Empty(t, warnings())
	supervisor, _ := r.bus.Conn(roles.Supervisor, "supervisor", bus.NewMux())
	heard := make(chan string, 10)
	l := bus.NewListener()
	msg.Warned.On(l, func(e msg.WarnedEvent, _ bus.Meta) error { heard <- e.Text; return nil })
	events, err := l.Subscribe(t.Context(), supervisor)
	require.NoError(t, err)
	defer events.Close()
	followed := make(chan error, 1)
	go func() { followed <- l.Follow(t.Context(), events) }()

	get[any](r, "invalidateblock", best.Path()[5].Hash.String())
	require.Empty(t, warnings(), "five blocks more are no reason")
	get[any](r, "invalidateblock", best.Path()[1].Hash.String())
	text := <-heard
	require.Contains(t, text, "Found invalid chain more than 6 blocks longer than our best chain")
	require.Equal(t, []any{text}, warnings())
	require.Equal(t, []any{text}, get[map[string]any](r, "getmininginfo")["warnings"])
	get[any](r, "reconsiderblock", best.Path()[1].Hash.String())
	require.Empty(t, warnings())
	require.Empty(t, heard)
	events.Close()
	<-followed
}
