package wallet

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
)

// Config is what a process of this role needs. It crosses to it as JSON.
type Config struct {
	Chain string // a name of package chains
	Dir   string // holds one folder a wallet
	// Name of the wallet to run; empty for the keeper.
	Name string
	// Create makes the wallet, at the present tip, if there is none.
	Create bool
	// New, if there is one, has the process make the wallet and end: see Making.
	New *New
	// Load lists wallets that the keeper loads at start.
	Load []string
	// FallbackFee in satoshi per 1000 vbytes, used when a payment does not say
	// its fee rate; 0 refuses such payments.
	FallbackFee int64
	// MinFee in satoshi per 1000 vbytes is the least fee rate of a payment.
	MinFee int64
	// Patience is how long a command waits until the wallet has caught up with
	// the node; default 10 s.
	Patience time.Duration
}

// Run runs the keeper, or one wallet, or makes one.
func Run(ctx context.Context, env part.Env, cfg Config) error {
	chain, err := chains.Named(cfg.Chain)
	if err != nil {
		return err
	}
	if cfg.Patience == 0 {
		cfg.Patience = defaultPatience
	}
	if cfg.Name == "" {
		return runKeeper(ctx, env, cfg)
	}
	if cfg.New != nil {
		return runMaker(ctx, env, cfg)
	}
	return runWallet(ctx, env, cfg, chain.Params)
}

// maxName bounds a wallet's name, which is a folder's.
const maxName = 100

// Folder returns where the wallet of the configuration lives.
func (c Config) Folder() (string, error) { return c.folder(c.Name) }

// folder returns where a wallet lives. Names that are not plain folder names
// are refused: they come from RPC clients.
func (c Config) folder(name string) (string, error) {
	if name == "" || len(name) > maxName || strings.ContainsAny(name, "/\\\x00") || strings.HasPrefix(name, ".") {
		return "", fmt.Errorf("a wallet's name is 1 to %d bytes without slashes and does not begin with a dot", maxName)
	}
	return filepath.Join(c.Dir, name), nil
}
