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
	// outlived: coins is in the second folder until the next start.
	outlived bool
	dumps    dumps
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

// Files in the folder of a loaded set that tell the next start what becomes of it: it
// takes the place of the set that proved it, or is put aside.
const (
	provenFile  = "proven"
	refutedFile = "refuted"
)

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

func (s *Sets) refutedDir() string { return s.LoadedDir() + "_INVALID" }

// rollbackDir holds the sets of the past that are being written to files.
func (s *Sets) rollbackDir() string { return s.Dir() + "_rollback" }

// mark leaves a file in the folder of the loaded set.
func (s *Sets) mark(name string) error {
	return durable.Replace(filepath.Join(s.LoadedDir(), name), nil, 0o600)
}

// New returns Sets that are not open.
func New(cfg Config) *Sets { return &Sets{cfg: cfg, arrived: make(chan struct{}, 1)} }

// Open opens the UTXO set, or two of them. Close them even if it fails.
func (s *Sets) Open() error {
	if err := s.arrange(); err != nil {
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
		return s.outlive()
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

// Close closes the databases, and has a loaded set be put aside that proved wrong.
func (s *Sets) Close() error {
	defer Tidy(s.cfg.Dir)
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
	if _, err := os.Stat(filepath.Join(s.LoadedDir(), baseFile)); err == nil {
		s.cfg.Log.Info("[snapshot] deleting snapshot chainstate due to reindexing")
	}
	if err := store.Empty(s.LoadedDir()); err != nil {
		return err
	}
	s.cfg.Log.Info("Wiping " + s.Dir())
	return store.Empty(s.Dir())
}

// readBase returns which set is in the second folder, nil if there is none.
func (s *Sets) readBase() (*consensus.AssumedSet, error) {
	raw, err := os.ReadFile(filepath.Join(s.LoadedDir(), baseFile))
	if errors.Is(err, fs.ErrNotExist) {
		// Loading it was not finished.
		return nil, store.Empty(s.LoadedDir())
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
	return durable.Replace(filepath.Join(s.LoadedDir(), baseFile), hash[:], 0o600)
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

// outlive goes on with the loaded set, which is proven, in its own folder. At the next
// start it has that of the one that proved it: see Arrange.
func (s *Sets) outlive() error {
	s.cfg.Log.Info("[snapshot] background chainstate is not needed any more; it is cleaned up at the next start")
	if err := errors.Join(s.mark(provenFile), s.coins.Close()); err != nil {
		return err
	}
	s.outlived = true
	var err error
	s.coins, err = s.cfg.OpenStore(s.LoadedDir(), s.cfg.Cache)
	return err
}

// setAside has the next start rename the folder of a set that proved wrong, so that its
// cause can be looked for.
func (s *Sets) setAside() error {
	s.cfg.Log.Info(fmt.Sprintf("[snapshot] the next start renames snapshot datadir %s to %s", s.LoadedDir(), s.refutedDir()))
	return s.mark(refutedFile)
}

// Assumption returns what the engine has to know of a loaded set, nil if there
// is none.
func (s *Sets) Assumption() *chain.Assumption {
	if s.assumed == nil {
		return nil
	}
	return &chain.Assumption{Set: s.assumed.AssumedSet, Verified: s.assumed.verified}
}
