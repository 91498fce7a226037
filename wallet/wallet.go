package wallet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/wallet/follow"
	"github.com/bulkheadnode/bulkhead/wallet/keypool"
	"github.com/bulkheadnode/bulkhead/wallet/keys"
	"github.com/bulkheadnode/bulkhead/wallet/ledger"
	"github.com/bulkheadnode/bulkhead/wallet/store"
)

// wallet is one wallet's process.
type wallet struct {
	env    part.Env
	cfg    Config
	params *chaincfg.Params
	log    *slog.Logger
	store  *store.Store
	node   nodeLink

	// steps is held while something is taken in and what it changes is written,
	// so that it is written in the order in which it happened. It is held for
	// no call over the bus.
	steps sync.Mutex

	// mu guards what follows. It is held neither for the disk nor for the bus;
	// only who holds steps may change anything.
	mu       sync.RWMutex
	account  *keys.Account
	keypool  *keypool.Pool
	ledger   *ledger.Ledger
	follower *follow.Follower
	labels   map[string]string // by address
	freshness
	scanSince time.Time // when the scan under way began; zero if none is
}

func newWallet(env part.Env, cfg Config, params *chaincfg.Params) *wallet {
	return &wallet{
		env: env, cfg: cfg, params: params, log: env.Logger.With("cat", "walletdb"),
		node: newNodeLink(), freshness: freshness{changed: make(chan struct{})},
	}
}

func runWallet(ctx context.Context, env part.Env, cfg Config, params *chaincfg.Params) error {
	w := newWallet(env, cfg, params)
	create, err := w.missing()
	if err != nil {
		return err
	}
	if !create {
		if err := w.open(); err != nil {
			return err
		}
	}
	defer w.close()
	mux := bus.NewMux()
	mux.SetMeta(msg.WalletMeta, []byte(cfg.Name))
	env.SetTitle(env.Name + " " + cfg.Name)
	return env.Serve(ctx, mux, commands{w}.table(), func(ctx context.Context, conn *bus.Conn) error {
		if create {
			if err := w.create(ctx, conn); err != nil {
				return err
			}
		}
		return w.run(ctx, conn)
	})
}

// missing reports whether the wallet is to be created.
func (w *wallet) missing() (bool, error) {
	dir, err := w.cfg.Folder()
	if err != nil || !w.cfg.Create {
		return false, err
	}
	_, err = os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return false, err
}

func (w *wallet) create(ctx context.Context, conn *bus.Conn) error {
	if err := createAt(ctx, conn, w.env, w.cfg); err != nil {
		return err
	}
	w.env.Logger.Info(fmt.Sprintf("Created wallet %q in %s", w.cfg.Name, w.cfg.Dir))
	return w.open()
}

func (w *wallet) open() error {
	dir, err := w.cfg.Folder()
	if err != nil {
		return err
	}
	if w.store, err = store.Open(dir, w.log); err != nil {
		return err
	}
	if err := w.restore(); err != nil {
		return errors.Join(err, w.store.Close())
	}
	return nil
}

// restore reads the wallet from disk.
func (w *wallet) restore() error {
	if w.store.Meta.Chain != w.cfg.Chain {
		return fmt.Errorf("wallet %s is for chain %s, not %s", w.cfg.Name, w.store.Meta.Chain, w.cfg.Chain)
	}
	state, err := w.store.State()
	if err != nil {
		return err
	}
	if len(state.Locator) == 0 {
		return fmt.Errorf("wallet %s: its position in the chain is missing", w.cfg.Name)
	}
	labels, err := w.store.Labels()
	if err != nil {
		return err
	}
	seed, err := w.store.Seed()
	if err != nil {
		return err
	}
	defer clear(seed)
	account, err := keys.NewAccount(seed, w.params)
	if err != nil {
		return err
	}
	pool, err := keypool.New(account, state.Next)
	if err != nil {
		account.Zero()
		return err
	}
	txs := ledger.New(pool.Owns)
	if err := w.store.Transactions(func(t ledger.Tx) { txs.Add(t) }); err != nil {
		account.Zero()
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.account, w.keypool, w.ledger, w.labels = account, pool, txs, labels
	w.follower = follow.New(txs, pool, follow.Position{Locator: state.Locator, Height: state.Height})
	return nil
}

func (w *wallet) close() {
	w.steps.Lock()
	defer w.steps.Unlock()
	if w.account == nil {
		return // it was not created
	}
	w.account.Zero()
	if err := w.store.Close(); err != nil {
		w.env.Logger.Error(fmt.Sprintf("Wallet %q: closing its database: %v", w.cfg.Name, err))
	}
}
