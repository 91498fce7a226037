package wallet

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/wallet/store"
)

// make does as the supervisor does.
func (r *rig) make(ctx context.Context, req msg.MakeWalletRequest) (bus.None, error) {
	cfg := r.config(req.Name)
	cfg.New = &New{Tip: req.Tip, Height: req.Height, Birthday: req.Birthday}
	making, err := cfg.Make()
	if err != nil {
		return bus.None{}, err
	}
	conn, ended := r.bus.WatchedLink(roles.Wallet, "wallet.maker")
	env := part.Env{Name: "wallet.maker", Link: conn, Logger: slog.New(slog.DiscardHandler), Clock: clock.New(0), Mockable: true}
	err = making.Done(Run(ctx, env, cfg))
	<-ended
	return bus.None{}, err
}

// remember does as the supervisor does with settings.json.
func (r *rig) remember(_ context.Context, req msg.RememberWalletRequest) (bus.None, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remembered = slices.DeleteFunc(r.remembered, func(name string) bool { return name == req.Name })
	if req.Wanted {
		r.remembered = append(r.remembered, req.Name)
	}
	return bus.None{}, nil
}

// TestAWalletThatIsMade has its name when it is complete, and leaves nothing if it is not.
func TestAWalletThatIsMade(t *testing.T) {
	cfg := Config{Chain: "regtest", Dir: t.TempDir(), Name: "w"}
	failed := errors.New("failed")
	making, err := cfg.Make()
	require.NoError(t, err)
	require.DirExists(t, making.Folder)
	require.ErrorIs(t, making.Done(failed), failed)
	require.NoDirExists(t, making.Folder)

	making, err = cfg.Make()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(making.Folder, "half"), nil, 0o600))
	making, err = cfg.Make()
	require.NoError(t, err, "an earlier attempt was cut short")
	require.NoFileExists(t, filepath.Join(making.Folder, "half"))
	require.NoError(t, making.Done(nil))
	require.DirExists(t, filepath.Join(cfg.Dir, "w"))
	_, err = cfg.Make()
	require.ErrorIs(t, err, store.ErrExists)
	cfg.Name = "../w"
	_, err = cfg.Make()
	require.Error(t, err)
}
