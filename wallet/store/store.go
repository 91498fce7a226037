package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"github.com/bulkheadnode/bulkhead/internal/badgerdir"
	"github.com/bulkheadnode/bulkhead/internal/durable"
	"github.com/bulkheadnode/bulkhead/wallet/ledger"
)

// Errors of Open and Create.
var (
	ErrLocked  = errors.New("wallet is in use by another process")
	ErrExists  = errors.New("wallet exists already")
	ErrMissing = errors.New("wallet does not exist")
)

// version of the records. A newer one is refused.
const version = 1

// Keys of the records; those of a family are followed by what names it.
var (
	metaKey  = []byte("meta")
	seedKey  = []byte("seed")
	stateKey = []byte("state")
	txPrefix = []byte("t/") // txid
	labels   = []byte("l/") // address
)

// Meta is what never changes about a wallet.
type Meta struct {
	Version  int
	Chain    string
	Birthday int64 // Unix seconds
}

// State is how far a wallet has come.
type State struct {
	Next    [2]uint32        // next key to hand out, by branch
	Locator []chainhash.Hash // blocks the wallet has followed, highest first
	Height  int32            // of Locator[0]
}

// Store is an open wallet.
type Store struct {
	db   *badger.DB
	Meta Meta
}

// Create makes a wallet in dir, which must not exist. It appears there whole
// or not at all: see Prepare.
func Create(dir string, meta Meta, seed []byte, state State, log *slog.Logger) error {
	unfinished, err := Prepare(dir)
	if err != nil {
		return err
	}
	if err := Fill(unfinished, meta, seed, state, log); err != nil {
		return errors.Join(err, os.RemoveAll(unfinished))
	}
	return Finish(dir)
}

// Prepare makes the hidden folder beside dir in which a wallet is, for Fill, until it is
// complete; Finish then gives it its name. What an earlier attempt left is deleted.
func Prepare(dir string) (unfinished string, err error) {
	if _, err := os.Stat(dir); err == nil {
		return "", fmt.Errorf("%w: %s", ErrExists, dir)
	}
	unfinished = Unfinished(dir)
	if err := os.RemoveAll(unfinished); err != nil {
		return "", err
	}
	return unfinished, os.MkdirAll(unfinished, 0o700)
}

// Unfinished is where the wallet of dir is until it is complete.
func Unfinished(dir string) string {
	return filepath.Join(filepath.Dir(dir), ".new-"+filepath.Base(dir))
}

// Fill writes what a new wallet has.
func Fill(unfinished string, meta Meta, seed []byte, state State, log *slog.Logger) error {
	s, err := open(unfinished, log)
	if err != nil {
		return err
	}
	meta.Version = version
	err = s.db.Update(func(txn *badger.Txn) error {
		if err := setJSON(txn, metaKey, meta); err != nil {
			return err
		}
		if err := setJSON(txn, stateKey, state); err != nil {
			return err
		}
		return txn.Set(seedKey, seed)
	})
	return errors.Join(err, s.Close())
}

// Finish gives a wallet that is complete its name.
func Finish(dir string) error {
	if err := os.Rename(Unfinished(dir), dir); err != nil {
		return err
	}
	return durable.Names(filepath.Dir(dir))
}

// Open opens the wallet in dir.
func Open(dir string, log *slog.Logger) (*Store, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrMissing, dir)
	}
	// Badger makes a database of any folder, and removes files there that look like its own.
	if info, err := os.Lstat(filepath.Join(dir, badger.ManifestFilename)); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a wallet: it has no %s", dir, badger.ManifestFilename)
	}
	s, err := open(dir, log)
	if err != nil {
		return nil, err
	}
	if err := s.getJSON(metaKey, &s.Meta); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is not a wallet: %w", dir, err), s.Close())
	}
	if s.Meta.Version > version {
		return nil, errors.Join(fmt.Errorf("%s was written by a newer version (%d)", dir, s.Meta.Version), s.Close())
	}
	return s, nil
}

func open(dir string, log *slog.Logger) (*Store, error) {
	const mib = 1 << 20
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := badgerdir.RemoveEmptyLogs(dir); err != nil {
		return nil, fmt.Errorf("opening %s: %w", dir, err)
	}
	db, err := badger.Open(badger.DefaultOptions(dir).
		WithLogger(logger{log}).WithMetricsEnabled(false).WithCompression(options.None).
		WithSyncWrites(true).WithMemTableSize(2 * mib).WithNumMemtables(2).
		WithValueThreshold(64 << 10).WithValueLogFileSize(2 * mib).
		WithBlockCacheSize(0).WithIndexCacheSize(0))
	if err != nil {
		if strings.Contains(err.Error(), "directory lock") {
			return nil, fmt.Errorf("%w: %s", ErrLocked, dir)
		}
		return nil, fmt.Errorf("opening %s: %w", dir, err)
	}
	return &Store{db: db}, nil
}

// Close ends the use of the wallet. If its folder is gone it fails at once:
// Badger would try for ever to write there. Every Save was synced before.
func (s *Store) Close() error {
	if _, err := os.Stat(s.db.Opts().Dir); err != nil {
		return fmt.Errorf("closing the wallet: %w", err)
	}
	return s.db.Close()
}

// Seed returns a copy of the seed; the caller wipes it.
func (s *Store) Seed() (seed []byte, err error) {
	err = s.db.View(func(txn *badger.Txn) error {
		item, err := txn.Get(seedKey)
		if err != nil {
			return err
		}
		seed, err = item.ValueCopy(nil)
		return err
	})
	return seed, err
}

// State returns how far the wallet has come.
func (s *Store) State() (State, error) {
	var state State
	return state, s.getJSON(stateKey, &state)
}

// Save writes the transactions that changed, deletes those to forget, and
// writes a state that is not there before all of that is.
//
// Badger bounds a batch, so that many transactions take several. The state is
// in the last one: after a crash in between, the same blocks are scanned again
// and give the same transactions.
func (s *Store) Save(state State, changed []ledger.Tx, forget []chainhash.Hash) error {
	txn := s.db.NewTransaction(true)
	defer func() { txn.Discard() }()
	put := func(set func(*badger.Txn) error) error {
		err := set(txn)
		if !errors.Is(err, badger.ErrTxnTooBig) {
			return err
		}
		if err := txn.Commit(); err != nil {
			return err
		}
		txn = s.db.NewTransaction(true)
		return set(txn)
	}
	for i := range changed {
		if err := put(func(txn *badger.Txn) error { return setTx(txn, &changed[i]) }); err != nil {
			return err
		}
	}
	for _, txid := range forget {
		if err := put(func(txn *badger.Txn) error { return txn.Delete(txKey(txid)) }); err != nil {
			return err
		}
	}
	if err := put(func(txn *badger.Txn) error { return setJSON(txn, stateKey, state) }); err != nil {
		return err
	}
	return txn.Commit()
}

// txRecord is a transaction on disk.
type txRecord struct {
	Raw      []byte
	Block    *ledger.Block `json:",omitempty"`
	Received int64
	Own      bool

	Abandoned bool `json:",omitempty"`
}

func txKey(txid chainhash.Hash) []byte { return append(bytes.Clone(txPrefix), txid[:]...) }

func setTx(txn *badger.Txn, t *ledger.Tx) error {
	var raw bytes.Buffer
	if err := t.Msg.Serialize(&raw); err != nil {
		return err
	}
	return setJSON(txn, txKey(t.Hash), txRecord{Raw: raw.Bytes(), Block: t.Block, Received: t.Received, Own: t.Own, Abandoned: t.Abandoned})
}

// Transactions calls each with every stored transaction, in no order. None is
// in the mempool, as far as the disk knows.
func (s *Store) Transactions(each func(ledger.Tx)) error {
	return s.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: txPrefix, PrefetchValues: true, PrefetchSize: 100})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			var record txRecord
			err := it.Item().Value(func(value []byte) error { return json.Unmarshal(value, &record) })
			if err != nil {
				return err
			}
			msg := &wire.MsgTx{}
			if err := msg.Deserialize(bytes.NewReader(record.Raw)); err != nil {
				return fmt.Errorf("stored transaction %x: %w", it.Item().Key()[len(txPrefix):], err)
			}
			each(ledger.Tx{
				Msg: msg, Hash: msg.TxHash(), Block: record.Block, Received: record.Received,
				Own: record.Own, Abandoned: record.Abandoned,
			})
		}
		return nil
	})
}

// SetLabel names an address.
func (s *Store) SetLabel(addr, label string) error {
	return s.db.Update(func(txn *badger.Txn) error {
		return txn.Set(append(bytes.Clone(labels), addr...), []byte(label))
	})
}

// Labels returns the names of addresses.
func (s *Store) Labels() (map[string]string, error) {
	named := map[string]string{}
	err := s.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: labels, PrefetchValues: true, PrefetchSize: 100})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			label, err := it.Item().ValueCopy(nil)
			if err != nil {
				return err
			}
			named[string(it.Item().Key()[len(labels):])] = string(label)
		}
		return nil
	})
	return named, err
}

func setJSON(txn *badger.Txn, key []byte, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return txn.Set(key, raw)
}

func (s *Store) getJSON(key []byte, v any) error {
	return s.db.View(func(txn *badger.Txn) error {
		item, err := txn.Get(key)
		if err != nil {
			return err
		}
		return item.Value(func(value []byte) error { return json.Unmarshal(value, v) })
	})
}

// logger hands Badger's messages to slog, as debug lines of category walletdb.
type logger struct{ log *slog.Logger }

func (l logger) Errorf(format string, args ...any)   { l.log.Error(fmt.Sprintf(format, args...)) }
func (l logger) Warningf(format string, args ...any) { l.log.Warn(fmt.Sprintf(format, args...)) }
func (l logger) Infof(format string, args ...any)    { l.log.Debug(fmt.Sprintf(format, args...)) }
func (l logger) Debugf(format string, args ...any)   { l.log.Debug(fmt.Sprintf(format, args...)) }
