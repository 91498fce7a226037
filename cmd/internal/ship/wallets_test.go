package ship

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/cmd/internal/sandbox"
)

// TestOnlyTheKeeperStartsWallets, though each wallet has its role.
func TestOnlyTheKeeperStartsWallets(t *testing.T) {
	b := bustest.NewWith(t, broker.Config{Table: partRights()})
	mux := bus.NewMux()
	msg.StopWallet.Handle(mux, keeperOnly(func(context.Context, msg.SpawnReply) (bus.None, error) { return bus.None{}, nil }))
	b.Conn(roles.Supervisor, supervisorInstance, mux)
	for instance, want := range map[string]error{walletKeeper: nil, walletInstance("w"): bus.ErrDenied, walletInstance(""): bus.ErrDenied} {
		conn, stop := b.Conn(roles.Wallet, instance, nil)
		_, err := msg.StopWallet.Call(t.Context(), conn, msg.SpawnReply{Instance: walletInstance("w")})
		require.ErrorIs(t, err, want, instance)
		stop()
	}
}

// TestWhatWalletsMayOpen: each its own folder, and the keeper of all none of them.
func TestWhatWalletsMayOpen(t *testing.T) {
	s, layout := settingsOf(t, "-wallet=a")
	p, err := newPartSettings(Config{Settings: s, Layout: layout, Version: "1.2.3"}, nil, nil, nil)
	require.NoError(t, err)
	require.Equal(t, sandbox.Files{List: []string{layout.WalletDir}}, p.keeperOfWallets(slog.New(slog.DiscardHandler)).Files)
	spec, err := p.wallet("a")
	require.NoError(t, err)
	require.Equal(t, sandbox.Files{Own: []string{filepath.Join(layout.WalletDir, "a")}}, spec.Files)
	for _, name := range []string{"", ".", "..", "../chainstate", "a/b", ".new-a"} {
		_, err := p.wallet(name)
		require.Error(t, err, "what a keeper in a stranger's hands may ask for: %q", name)
	}
}
