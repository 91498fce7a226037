package wallet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/wallet/keys"
	"github.com/bulkheadnode/bulkhead/wallet/ledger"
	"github.com/bulkheadnode/bulkhead/wallet/store"
)

// lookahead is how many keys of each branch are watched beyond the last one
// that was handed out or seen: a restored backup finds later payments.
const lookahead = 200

// wallet is one wallet's process.
type wallet struct {
	env    part.Env
	cfg    Config
	params *chaincfg.Params
	log    *slog.Logger
	conn   *bus.Conn
	sub    *bus.Subscription
	// started is closed when conn and sub are set.
	started chan struct{}

	mu         sync.Mutex
	store      *store.Store
	account    *keys.Account
	books      *ledger.Ledger
	state      store.State
	paths      map[string]keys.Path // by script: all that is watched
	derived    [2]uint32            // how many of each branch are in paths
	unwatched  [][]byte             // scripts the node has not been told of
	labels     map[string]string    // by address
	registered bool                 // the node knows our scripts
}

func runWallet(ctx context.Context, env part.Env, cfg Config, params *chaincfg.Params) error {
	w := &wallet{env: env, cfg: cfg, params: params, log: env.Logger, paths: map[string]keys.Path{}, started: make(chan struct{})}
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
	mux.SetMeta(nameMeta, []byte(cfg.Name))
	env.SetTitle(env.Name + " " + cfg.Name)
	return env.Serve(ctx, mux, w.table(), func(ctx context.Context, conn *bus.Conn) error {
		if create {
			if err := w.create(ctx, conn); err != nil {
				return err
			}
		}
		return w.follow(ctx, conn)
	})
}

// missing reports whether the wallet is to be created.
func (w *wallet) missing() (bool, error) {
	dir, err := w.cfg.folder(w.cfg.Name)
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
	dir, err := w.cfg.folder(w.cfg.Name)
	if err != nil {
		return err
	}
	meta := store.Meta{Chain: w.cfg.Chain, Birthday: w.env.Clock.Now().Unix()}
	if err := createAt(ctx, conn, dir, meta, w.log.With("cat", "walletdb")); err != nil {
		return err
	}
	w.log.Info(fmt.Sprintf("Created wallet %q in %s", w.cfg.Name, dir))
	return w.open()
}

func (w *wallet) open() error {
	dir, err := w.cfg.folder(w.cfg.Name)
	if err != nil {
		return err
	}
	if w.store, err = store.Open(dir, w.log.With("cat", "walletdb")); err != nil {
		return err
	}
	if err := w.restore(); err != nil {
		w.store.Close()
		return err
	}
	return nil
}

// restore brings the books back from disk.
func (w *wallet) restore() error {
	if w.store.Meta.Chain != w.cfg.Chain {
		return fmt.Errorf("wallet %s is for chain %s, not %s", w.cfg.Name, w.store.Meta.Chain, w.cfg.Chain)
	}
	seed, err := w.store.Seed()
	if err != nil {
		return err
	}
	defer clear(seed)
	if w.account, err = keys.NewAccount(seed, w.params); err != nil {
		return err
	}
	if w.state, err = w.store.State(); err != nil {
		return err
	}
	if w.labels, err = w.store.Labels(); err != nil {
		return err
	}
	w.books = ledger.New(func(script []byte) (change, ok bool) {
		path, ok := w.paths[string(script)]
		return path.Branch == keys.Change, ok
	})
	w.books.SetTip(w.state.Height)
	if err := w.derive(); err != nil {
		return err
	}
	return w.store.Transactions(func(t ledger.Tx) { w.books.Put(t) })
}

func (w *wallet) close() {
	if w.account == nil {
		return // it was not created
	}
	w.account.Zero()
	if err := w.store.Close(); err != nil {
		w.log.Error(fmt.Sprintf("Wallet %q: closing its database: %v", w.cfg.Name, err))
	}
}

// derive fills paths up to the lookahead.
func (w *wallet) derive() error {
	for branch := range w.derived {
		for w.derived[branch] < w.state.Next[branch]+lookahead {
			path := keys.Path{Branch: keys.Branch(branch), Index: w.derived[branch]}
			script, err := w.account.Script(path)
			if err != nil {
				return err
			}
			w.paths[string(script)] = path
			w.unwatched = append(w.unwatched, script)
			w.derived[branch]++
		}
	}
	return nil
}

// used notes that a script has been seen, so that its key and those before it
// are not handed out; it reports whether that was news.
func (w *wallet) used(script []byte) bool {
	path, ok := w.paths[string(script)]
	if !ok || path.Index < w.state.Next[path.Branch] {
		return false
	}
	w.state.Next[path.Branch] = path.Index + 1
	return true
}

// nextAddress hands out a key. The node watches it before anybody learns it,
// and the disk knows of it too.
func (w *wallet) nextAddress(ctx context.Context, branch keys.Branch) (string, []byte, error) {
	path := keys.Path{Branch: branch, Index: w.state.Next[branch]}
	addr, err := w.account.Address(path)
	if err != nil {
		return "", nil, err
	}
	script, err := w.account.Script(path)
	if err != nil {
		return "", nil, err
	}
	w.state.Next[branch]++
	if err := w.derive(); err != nil {
		return "", nil, err
	}
	if err := w.watch(ctx); err != nil {
		return "", nil, err
	}
	return addr.EncodeAddress(), script, w.store.Save(w.state, nil)
}
