package wallet

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/wallet/keys"
	"github.com/bulkheadnode/bulkhead/wallet/store"
)

// New is how a wallet begins that a process is to make: it has no past before a block.
type New struct {
	Tip      chainhash.Hash
	Height   int32
	Birthday int64 // Unix seconds
}

// Making is a wallet that is being made: by a process that may open nothing but the
// folder in which it does, and has no say in how that is called then.
type Making struct {
	Folder string // where the process makes it
	dir    string
}

// Make begins to make the wallet of a configuration.
func (c Config) Make() (m Making, err error) {
	if m.dir, err = c.Folder(); err == nil {
		m.Folder, err = store.Prepare(m.dir)
	}
	return m, err
}

// Done gives the wallet its name if it was made without an error, and else deletes what
// there is of it.
func (m Making) Done(err error) error {
	if err == nil {
		return store.Finish(m.dir)
	}
	_ = os.RemoveAll(m.Folder) // or the next attempt does
	return err
}

// runMaker makes a wallet where Make has prepared it, and ends.
func runMaker(ctx context.Context, env part.Env, cfg Config) error {
	dir, err := cfg.Folder()
	if err != nil {
		return err
	}
	return env.Serve(ctx, bus.NewMux(), nil, func(context.Context, *bus.Conn) error {
		return begin(*cfg.New, cfg, env.Logger, func(meta store.Meta, seed []byte, state store.State, log *slog.Logger) error {
			return store.Fill(store.Unfinished(dir), meta, seed, state, log)
		})
	})
}

// createAt makes the files of a wallet that begins at the present tip.
func createAt(ctx context.Context, conn *bus.Conn, env part.Env, cfg Config) error {
	dir, err := cfg.Folder()
	if err != nil {
		return err
	}
	tip, err := msg.GetTip.Call(ctx, conn, bus.None{})
	if err != nil {
		return err
	}
	first := New{Tip: tip.Hash, Height: tip.Height, Birthday: env.Clock.Now().Unix()}
	return begin(first, cfg, env.Logger, func(meta store.Meta, seed []byte, state store.State, log *slog.Logger) error {
		return store.Create(dir, meta, seed, state, log)
	})
}

// begin hands a new seed to what writes a wallet.
func begin(n New, cfg Config, log *slog.Logger, write func(store.Meta, []byte, store.State, *slog.Logger) error) error {
	seed := make([]byte, keys.SeedBytes)
	defer clear(seed)
	if _, err := rand.Read(seed); err != nil {
		return err
	}
	return write(store.Meta{Chain: cfg.Chain, Birthday: n.Birthday}, seed,
		store.State{Locator: []chainhash.Hash{n.Tip}, Height: n.Height}, log.With("cat", "walletdb"))
}
