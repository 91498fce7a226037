package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/bulkheadnode/bulkhead/internal/wording"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/internal/durable"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// Config is what Sets work with.
type Config struct {
	Dir     string // the chain's own data directory
	Params  *consensus.Params
	Pruning bool  // blocks may have been deleted
	Cache   int64 // bytes of memory of a set's database
	// OpenStore opens a database that may use so many bytes of memory.
	OpenStore func(dir string, cache int64) (*store.DB, error)
	Log       *slog.Logger
}

// Sets are the UTXO sets on disk: the one of the chain, and, after a file was
// loaded, the one that our own verification has reached.
type Sets struct {
	cfg     Config
	mu      sync.Mutex // held to replace coins, and to read it without owning the chain
	coins   *store.DB
	assumed *assumedSet // nil if coins is our own; the owner's

	// Of the chain, from Attach on.
	owner  *chainstate.Owner
	chain  *chain.Reader
	events Events

	arrived chan struct{} // wakes Run
	loading atomic.Bool   // a file is being loaded
	dumps   dumps
}

// Events tells what comes of verifying the past of a loaded set. The functions
// are called in the goroutine of Run.
type Events struct {
	Verified func(at *chain.BlockNode) // one more block of it
	Finished func()                    // all of it, and the set is right
}

// assumedSet is a UTXO set that was loaded from a file. It is in a folder of its
// own until the blocks that led to it are verified; then that takes the place
// of the other at the next start.
type assumedSet struct {
	*consensus.AssumedSet
	verified *store.DB // the set that our own verification has reached
	refuted  bool      // it is not what the blocks lead to
}

// baseFile is in the folder of a set that is complete and has the right hash,
// and holds the hash of its block. A folder without it is to be deleted.
const baseFile = "base_blockhash"

// Dir is the folder of the chain's set.
func (s *Sets) Dir() string { return filepath.Join(s.cfg.Dir, "chainstate") }

// LoadedDir is the folder of a set that was loaded from a file, while its past
// is not verified.
func (s *Sets) LoadedDir() string { return s.Dir() + "_snapshot" }

// OutgrownDir is what the folder of the coins is called when one with a verified
// set takes its place.
func (s *Sets) OutgrownDir() string { return s.Dir() + "_todelete" }

// New returns Sets that are not open.
func New(cfg Config) *Sets { return &Sets{cfg: cfg, arrived: make(chan struct{}, 1)} }

// Open opens the UTXO set, or two of them. Close them even if it fails.
func (s *Sets) Open() error {
	if err := s.endReplacement(); err != nil {
		return err
	}
	from, err := s.readBase()
	if err != nil {
		return err
	}
	if s.coins, err = s.cfg.OpenStore(s.Dir(), s.cfg.Cache); err != nil || from == nil {
		return err
	}
	s.cfg.Log.Info(fmt.Sprintf("[snapshot] detected active snapshot chainstate (%s) - loading", s.LoadedDir()))
	proven, err := s.isProven(from)
	if err != nil {
		return err
	}
	if proven {
		return s.replaceCoins()
	}
	s.assumed = &assumedSet{AssumedSet: from, verified: s.coins}
	s.coins, err = s.cfg.OpenStore(s.LoadedDir(), s.cfg.Cache)
	return err
}

// Attach tells the sets of the chain that has them.
func (s *Sets) Attach(owner *chainstate.Owner, events Events) {
	s.owner, s.chain, s.events = owner, owner.Chain(), events
}

// Coins returns the database of the chain's set, nil before Open.
func (s *Sets) Coins() *store.DB {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.coins
}

// Close closes the databases, and puts a loaded set aside that proved wrong.
func (s *Sets) Close() error {
	var err error
	if s.coins != nil {
		err = s.coins.Close()
	}
	if s.assumed == nil {
		return err
	}
	err = errors.Join(err, s.assumed.verified.Close())
	if err == nil && s.assumed.refuted {
		err = s.setAside()
	}
	return err
}

// Wipe deletes the sets, to be made anew.
func (s *Sets) Wipe() error {
	if _, err := os.Stat(s.LoadedDir()); err == nil {
		s.cfg.Log.Info("[snapshot] deleting snapshot chainstate due to reindexing")
	}
	for _, dir := range []string{s.LoadedDir(), s.OutgrownDir()} {
		if err := store.Remove(dir); err != nil {
			return err
		}
	}
	s.cfg.Log.Info("Wiping " + s.Dir())
	return store.Remove(s.Dir())
}

// readBase returns which set is in the second folder, nil if there is none.
func (s *Sets) readBase() (*consensus.AssumedSet, error) {
	raw, err := os.ReadFile(filepath.Join(s.LoadedDir(), baseFile))
	if errors.Is(err, fs.ErrNotExist) {
		// Loading it was not finished.
		return nil, store.Remove(s.LoadedDir())
	}
	if err != nil {
		return nil, err
	}
	hash, err := chainhash.NewHash(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(s.LoadedDir(), baseFile), err)
	}
	from := s.cfg.Params.AssumedAt(*hash)
	if from == nil {
		return nil, wording.Errorf("A fatal internal error occurred, see debug.log for details: Assumeutxo data not found for the given blockhash '%s'.", hash)
	}
	return from, nil
}

// writeBase makes durable that the set in the second folder counts.
func (s *Sets) writeBase(hash chainhash.Hash) error {
	path := filepath.Join(s.LoadedDir(), baseFile)
	return errors.Join(durable.Replace(path, hash[:], 0o600), durable.Names(s.cfg.Dir))
}

// isProven reports whether our own verification had reached the set's block,
// and found the set there, before the node was stopped.
func (s *Sets) isProven(from *consensus.AssumedSet) (bool, error) {
	set, heads, err := coins.Open(s.coins)
	if err != nil || heads != nil || set.Best() != from.Block {
		return false, err
	}
	right, err := s.hasHash(context.Background(), s.coins, from)
	if err == nil && !right {
		err = errors.Join(s.coins.Close(), s.setAside())
		s.coins = nil
		return false, errors.Join(wording.Errorf("UTXO snapshot failed to validate. Restart to resume normal initial block download, or try loading a different snapshot."), err)
	}
	return right, err
}

// hasHash compares a flushed set with what is known of it.
func (s *Sets) hasHash(ctx context.Context, db *store.DB, from *consensus.AssumedSet) (bool, error) {
	s.cfg.Log.Info("[snapshot] computing UTXO stats for background chainstate to validate snapshot - this could take a few minutes")
	snapshot := db.Snapshot()
	defer snapshot.Close()
	stats, err := coins.ReadStats(snapshot, coins.HashSerialized3, func() error { return context.Cause(ctx) })
	if err != nil {
		return false, err
	}
	if stats.Hash != from.Serialized {
		s.cfg.Log.Warn(fmt.Sprintf("[snapshot] hash mismatch: actual=%s, expected=%s", stats.Hash, from.Serialized))
		return false, nil
	}
	s.cfg.Log.Info(fmt.Sprintf("[snapshot] snapshot beginning at %s has been fully validated", from.Block))
	return true, nil
}

// replaceCoins puts the loaded set, which is proven, in the place of the one
// that proved it.
func (s *Sets) replaceCoins() error {
	s.cfg.Log.Info("[snapshot] cleaning up unneeded background chainstate, then reinitializing")
	if err := s.coins.Close(); err != nil {
		return err
	}
	s.coins = nil
	if err := os.Rename(s.Dir(), s.OutgrownDir()); err != nil {
		return err
	}
	if err := s.endReplacement(); err != nil {
		return err
	}
	var err error
	s.coins, err = s.cfg.OpenStore(s.Dir(), s.cfg.Cache)
	return err
}

// endReplacement does what is left to do after the folder of the coins was
// renamed.
func (s *Sets) endReplacement() error {
	if _, err := os.Stat(s.OutgrownDir()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := os.Stat(s.Dir()); errors.Is(err, fs.ErrNotExist) {
		if err := os.Rename(s.LoadedDir(), s.Dir()); err != nil {
			return err
		}
	}
	if err := os.Remove(filepath.Join(s.Dir(), baseFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := durable.Names(s.cfg.Dir); err != nil {
		return err
	}
	return store.Remove(s.OutgrownDir())
}

// setAside renames the folder of a set that proved wrong, which is not open any
// more, so that its cause can be looked for.
func (s *Sets) setAside() error {
	to := s.LoadedDir() + "_INVALID"
	s.cfg.Log.Info(fmt.Sprintf("[snapshot] renaming snapshot datadir %s to %s", s.LoadedDir(), to))
	if err := store.Remove(to); err != nil {
		return err
	}
	return os.Rename(s.LoadedDir(), to)
}

// Assumption returns what the engine has to know of a loaded set, nil if there
// is none.
func (s *Sets) Assumption() *chain.Assumption {
	if s.assumed == nil {
		return nil
	}
	return &chain.Assumption{Set: s.assumed.AssumedSet, Verified: s.assumed.verified}
}
