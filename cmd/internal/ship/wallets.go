package ship

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"sync"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/cmd/internal/sandbox"
	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
	"github.com/bulkheadnode/bulkhead/wallet"
)

const walletKeeper = "wallet"

// walletInstance makes a bus name that no other wallet's pattern of rights
// can match.
func walletInstance(name string) string { return "wallet." + url.QueryEscape(name) + "." }

// keeperOfWallets is the process that may see which wallets there are, and open none.
func (p *partSettings) keeperOfWallets(log *slog.Logger) supervise.Spec {
	cfg := p.walletSettings("")
	for _, name := range p.settings.List("wallet") {
		if name != "" {
			cfg.Load = append(cfg.Load, name)
		}
	}
	now := func() any {
		remembered, err := readLoadList(p.layout.Settings)
		if err != nil {
			log.Warn(fmt.Sprintf("Settings file could not be read: %v", err))
		}
		loading := cfg
		loading.Load = append(remembered, cfg.Load...)
		return loading
	}
	return supervise.Spec{Role: roles.Wallet, Instance: walletKeeper, Settings: now(), Again: now,
		Files: sandbox.Files{List: []string{cfg.Dir}}}
}

// wallet is the process of one wallet, which may open that and nothing else.
func (p *partSettings) wallet(name string) (supervise.Spec, error) {
	cfg := p.walletSettings(name)
	folder, err := cfg.Folder()
	return supervise.Spec{Role: roles.Wallet, Instance: walletInstance(name), Settings: cfg, Policy: supervise.Guest,
		Files: sandbox.Files{Own: []string{folder}}}, err
}

func (p *partSettings) walletSettings(name string) wallet.Config {
	return wallet.Config{
		Chain: p.layout.Chain.Name, Dir: p.layout.WalletDir, Name: name,
		FallbackFee: p.relay.Fallback, MinFee: max(p.relay.WalletMin, p.relay.MinRelay),
	}
}

// wallets serves the keeper of wallets.
type wallets struct {
	*ship
	changing sync.Mutex // one change to settings.json at a time
}

func (s *ship) serveWallets(mux *bus.Mux) {
	w := &wallets{ship: s}
	msg.MakeWallet.Handle(mux, keeperOnly(w.create))
	msg.RememberWallet.Handle(mux, keeperOnly(w.remember))
	msg.SpawnWallet.Handle(mux, keeperOnly(w.spawn))
	msg.StopWallet.Handle(mux, keeperOnly(w.stopOne))
	msg.WalletsLoaded.Handle(mux, keeperOnly(func(context.Context, bus.None) (bus.None, error) {
		s.readiness.arrived(loadedWallets)
		return bus.None{}, nil
	}))
}

// keeperOnly refuses those who have the role of a wallet, and are one: each knows of
// itself only.
func keeperOnly[Req, Rep any](serve func(context.Context, Req) (Rep, error)) func(context.Context, Req) (Rep, error) {
	return func(ctx context.Context, req Req) (rep Rep, err error) {
		if caller := bus.CallerFrom(ctx).Instance; caller != walletKeeper {
			return rep, bus.Errorf(bus.KindDenied, "%s is not the keeper of wallets", caller)
		}
		return serve(ctx, req)
	}
}

func (w *wallets) create(ctx context.Context, req msg.MakeWalletRequest) (bus.None, error) {
	spec, err := w.parts.wallet(req.Name)
	if err != nil {
		return bus.None{}, bus.Errorf(msg.KindSpawnFailed, "%v", err)
	}
	cfg := w.parts.walletSettings(req.Name)
	cfg.New = &wallet.New{Tip: req.Tip, Height: req.Height, Birthday: req.Birthday}
	making, err := cfg.Make()
	if err == nil {
		spec.Settings, spec.Files = cfg, sandbox.Files{Own: []string{making.Folder}}
		err = making.Done(w.supervisor.RunOnce(ctx, spec))
	}
	if err != nil {
		return bus.None{}, bus.Errorf(msg.KindSpawnFailed, "%v", err)
	}
	return bus.None{}, nil
}

func (w *wallets) remember(_ context.Context, req msg.RememberWalletRequest) (bus.None, error) {
	w.changing.Lock()
	defer w.changing.Unlock()
	return bus.None{}, writeLoadList(w.cfg.Layout.Settings, req.Name, req.Wanted)
}

func (w *wallets) spawn(ctx context.Context, req msg.SpawnWalletRequest) (msg.SpawnReply, error) {
	spec, err := w.parts.wallet(req.Name)
	if err == nil {
		err = w.supervisor.StartAndWait(ctx, spec)
	}
	if err != nil {
		return msg.SpawnReply{}, bus.Errorf(msg.KindSpawnFailed, "%v", err)
	}
	return msg.SpawnReply{Instance: spec.Instance}, nil
}

func (w *wallets) stopOne(_ context.Context, req msg.SpawnReply) (bus.None, error) {
	w.supervisor.Stop(func(c supervise.Status) bool {
		return c.Role == roles.Wallet && c.Instance == req.Instance && c.Instance != walletKeeper
	})
	return bus.None{}, nil
}
