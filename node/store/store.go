package store

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"github.com/bulkheadnode/bulkhead/internal/badgerdir"
)

// Config says where a database is and how much memory it may use.
type Config struct {
	Dir    string
	Cache  int64 // bytes; values below 4 MiB count as that
	Logger *slog.Logger
	// InMemory keeps everything in memory until Close. Dir is not used.
	InMemory bool
}

// DB is an open database.
type DB struct {
	db *badger.DB

	mu  sync.Mutex // held by a Write
	seq uint64     // number of the last transaction
}

// Open creates the folder if needed. It reads all tables, whose checksums are
// compared, and fails with a *CorruptError that names what is damaged.
func Open(cfg Config) (*DB, error) {
	opts := sized(cfg)
	if err := prepare(opts); err != nil {
		return nil, err
	}
	db, err := badger.Open(opts)
	if err != nil {
		return nil, openError(cfg.Dir, err)
	}
	d := &DB{db: db}
	if d.seq, err = lastInSequence(d); err != nil {
		return nil, errors.Join(&CorruptError{cfg.Dir, err}, db.Close())
	}
	return d, nil
}

// refuseForeign keeps from writing into a folder of Bitcoin Core's, whose
// LevelDB has a file of this name.
func refuseForeign(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, badger.ManifestFilename)); err == nil {
		return nil
	}
	_, err := os.Stat(filepath.Join(dir, "CURRENT"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("%w: %s holds a LevelDB. Move it away, or let -reindex delete it", ErrForeign, dir)
	}
	return err
}

// prepare creates the folder, or looks through what is in it.
func prepare(opts badger.Options) error {
	if opts.InMemory {
		return nil
	}
	if err := Discard(opts.Dir); err != nil {
		return err
	}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return err
	}
	if err := Recover(opts.Dir); err != nil {
		return err
	}
	if err := refuseForeign(opts.Dir); err != nil {
		return err
	}
	if err := badgerdir.RemoveEmptyLogs(opts.Dir); err != nil {
		return err
	}
	return checkTables(opts)
}

func openError(dir string, err error) error {
	var fault *fs.PathError
	switch {
	case strings.Contains(err.Error(), "directory lock"):
		return fmt.Errorf("%w: %s", ErrLocked, dir)
	case errors.As(err, &fault):
		return fmt.Errorf("open %s: %w", dir, err)
	}
	return &CorruptError{dir, err}
}

// Remove deletes a database that is not open. If the process dies meanwhile, it is
// there as it was or not at all: what is left of its files has another name, and
// goes with the next Remove or Open.
func Remove(dir string) error {
	gone := removed(dir)
	if err := os.RemoveAll(gone); err != nil {
		return err
	}
	if err := os.Rename(dir, gone); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return os.RemoveAll(gone)
}

// Discard ends a Remove that was not finished.
func Discard(dir string) error { return os.RemoveAll(removed(dir)) }

// removed is where the files of a database lie that is being deleted.
func removed(dir string) string { return filepath.Clean(dir) + ".removed" }

// sized derives Badger's many sizes from one. Three memtables at most are in
// memory at once, a quarter of the cache; half of it holds blocks, an eighth
// the tables' indexes and bloom filters.
func sized(cfg Config) badger.Options {
	const mib = 1 << 20
	cache := max(cfg.Cache, 4*mib)
	memtable := min(max(cache/12, 2*mib), 64*mib)
	dir := cfg.Dir
	if cfg.InMemory {
		dir = ""
	}
	return badger.DefaultOptions(dir).
		WithInMemory(cfg.InMemory).
		WithLogger(badgerLogger{cfg.Logger}).
		WithMetricsEnabled(false).
		WithDetectConflicts(false).
		WithChecksumVerificationMode(options.OnBlockRead).
		WithVerifyValueChecksum(true).
		WithCompression(options.None).
		WithMemTableSize(memtable).
		WithNumMemtables(3).
		WithNumLevelZeroTables(4).
		WithNumLevelZeroTablesStall(12).
		WithNumCompactors(2).
		WithBaseTableSize(8 * mib).
		WithBaseLevelSize(64 * mib).
		WithValueThreshold(32 << 10).
		WithValueLogFileSize(2 * mib).
		WithBlockCacheSize(max(cache/2, 2*mib)).
		WithIndexCacheSize(max(cache/8, mib))
}

// Backlog bounds the bytes that the database may yet write to tables of what
// it has in logs.
func (d *DB) Backlog() int64 {
	opts := d.db.Opts()
	return int64(opts.NumMemtables+1) * opts.MemTableSize
}

// Close flushes and ends the database.
func (d *DB) Close() error { return d.db.Close() }

// Sync makes what was written durable.
func (d *DB) Sync() error { return d.db.Sync() }

// Get returns the value of key, nil if there is none.
func (d *DB) Get(key []byte) (value []byte, err error) {
	err = d.db.View(func(txn *badger.Txn) error {
		value, err = get(txn, key)
		return err
	})
	return value, err
}

// GetMany looks up all keys in one view and calls found for those that exist.
// The value is valid during the call only.
func (d *DB) GetMany(keys [][]byte, found func(i int, value []byte) error) error {
	return d.db.View(func(txn *badger.Txn) error {
		for i, key := range keys {
			item, err := txn.Get(key)
			if errors.Is(err, badger.ErrKeyNotFound) {
				continue
			}
			if err == nil {
				err = item.Value(func(value []byte) error { return found(i, value) })
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func get(txn *badger.Txn, key []byte) ([]byte, error) {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return item.ValueCopy(nil)
}

// Writer collects what one Write changes. Keys and values are kept until the
// Write returns and must not be changed.
type Writer interface {
	Put(key, value []byte) error
	Delete(key []byte) error
}

// Write applies what fill puts into its Writer, in order. It is not atomic, but
// after a crash what is there is a beginning of what was written.
func (d *DB) Write(fill func(Writer) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := &batch{db: d, results: make(chan outcome, maxInFlight)}
	return b.finish(fill(b))
}

// Snapshot is a view of the database at one moment. It must be closed.
type Snapshot struct {
	db  *DB
	txn *badger.Txn
}

// Snapshot returns a view of everything written so far.
func (d *DB) Snapshot() *Snapshot { return &Snapshot{d, d.db.NewTransaction(false)} }

// Close ends the view.
func (s *Snapshot) Close() { s.txn.Discard() }

// Examine is DB.ExamineAll, for a walk whose result must be of everything.
func (s *Snapshot) Examine() error { return s.db.ExamineAll() }

// Get returns the value of key, nil if there is none.
func (s *Snapshot) Get(key []byte) ([]byte, error) { return get(s.txn, key) }

// Each calls fn for all keys that begin with prefix, in order, until fn fails.
// Key and value are valid during the call only.
func (s *Snapshot) Each(prefix []byte, fn func(key, value []byte) error) error {
	it := s.txn.NewIterator(badger.IteratorOptions{Prefix: prefix, PrefetchValues: true, PrefetchSize: 256})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		if err := item.Value(func(value []byte) error { return fn(item.Key(), value) }); err != nil {
			return err
		}
	}
	return nil
}

// Empty reports whether nothing was ever written.
func (d *DB) Empty() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seq == 0
}

// Each is Snapshot.Each on a view of this moment.
func (d *DB) Each(prefix []byte, fn func(key, value []byte) error) error {
	snapshot := d.Snapshot()
	defer snapshot.Close()
	return snapshot.Each(prefix, fn)
}
