package wallet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// keeper has wallets be made, and their processes started and stopped.
type keeper struct {
	env     part.Env
	cfg     Config
	conn    *bus.Conn  // set before started is closed
	mu      sync.Mutex // one change to the set of wallets at a time
	started chan struct{}
}

func runKeeper(ctx context.Context, env part.Env, cfg Config) error {
	k := &keeper{env: env, cfg: cfg, started: make(chan struct{})}
	// Commands of single wallets are announced here too: they are known, and
	// have their help, before the first wallet is loaded.
	table := append(k.table(), commands{&wallet{}}.table()...)
	return env.Serve(ctx, bus.NewMux(), table, func(ctx context.Context, conn *bus.Conn) error {
		k.conn = conn
		close(k.started)
		k.loadRemembered(ctx)
		if _, err := msg.WalletsLoaded.Call(ctx, conn, bus.None{}); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	})
}

// loadRemembered starts the wallets that the settings name. One that fails is
// reported; the others are none the worse.
func (k *keeper) loadRemembered(ctx context.Context) {
	for _, name := range slices.Compact(slices.Sorted(slices.Values(k.cfg.Load))) {
		err := k.load(ctx, name)
		if err != nil && rpc.AsError(err).Code == rpc.WalletAlreadyLoaded {
			continue // the wallets outlive the keeper
		}
		if err != nil {
			k.env.Logger.Warn(fmt.Sprintf("Wallet %q was not loaded: %v", name, err))
		}
	}
}

// create has a wallet be made that begins at the present tip: it has no past. The keeper
// may open no wallet itself.
func (k *keeper) create(ctx context.Context, name string) error {
	dir, err := k.cfg.folder(name)
	if err != nil {
		return rpc.Errorf(rpc.WalletError, "%v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		return rpc.Errorf(rpc.WalletError, "Wallet file verification failed. Failed to create database path '%s'. Database already exists.", dir)
	}
	tip, err := msg.GetTip.Call(ctx, k.conn, bus.None{})
	if err != nil {
		return err
	}
	_, err = msg.MakeWallet.Call(ctx, k.conn, msg.MakeWalletRequest{
		Name: name, Tip: tip.Hash, Height: tip.Height, Birthday: k.env.Clock.Now().Unix()})
	var failed *bus.Error
	if errors.As(err, &failed) && failed.Kind == msg.KindSpawnFailed {
		return rpc.Errorf(rpc.WalletError, "Wallet creation failed. %s", failed.Text)
	}
	return err
}

func (k *keeper) load(ctx context.Context, name string) error {
	dir, err := k.cfg.folder(name)
	if err != nil {
		return rpc.Errorf(rpc.WalletError, "%v", err)
	}
	if _, loaded, err := k.find(ctx, name); err != nil {
		return err
	} else if loaded {
		return rpc.Errorf(rpc.WalletAlreadyLoaded, "Wallet file verification failed. Wallet \"%s\" is already loaded.", name)
	}
	if _, err := os.Stat(dir); err != nil {
		return rpc.Errorf(rpc.WalletNotFound, "Wallet file verification failed. Failed to load database path '%s'. Path does not exist.", dir)
	}
	_, err = msg.SpawnWallet.Call(ctx, k.conn, msg.SpawnWalletRequest{Name: name})
	var failed *bus.Error
	if errors.As(err, &failed) && failed.Kind == msg.KindSpawnFailed {
		return rpc.Errorf(rpc.WalletError, "Wallet file verification failed. %s", failed.Text)
	}
	return err
}

// find returns the instance that runs a wallet.
func (k *keeper) find(ctx context.Context, name string) (instance string, loaded bool, err error) {
	wallets, err := k.loaded(ctx)
	instance, loaded = wallets[name]
	return instance, loaded, err
}

// loaded returns the instances of the running wallets by name.
func (k *keeper) loaded(ctx context.Context) (map[string]string, error) {
	registry, err := msg.Registry.Call(ctx, k.conn, bus.None{})
	if err != nil {
		return nil, err
	}
	byName := map[string]string{}
	for _, entry := range registry.Links {
		if name, ok := entry.Meta[msg.WalletMeta]; ok {
			byName[string(name)] = entry.Instance
		}
	}
	return byName, nil
}

// unload ends a wallet's process.
func (k *keeper) unload(ctx context.Context, name string) error {
	instance, loaded, err := k.find(ctx, name)
	if err != nil {
		return err
	}
	if !loaded {
		return rpc.Errorf(rpc.WalletNotFound, "Requested wallet does not exist or is not loaded")
	}
	_, err = msg.StopWallet.Call(ctx, k.conn, msg.SpawnReply{Instance: instance})
	return err
}
