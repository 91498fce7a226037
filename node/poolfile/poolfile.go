package poolfile

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/internal/wording"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/mempool/dump"
)

// Name is that of the file in the chain's folder.
const Name = "mempool.dat"

// unfinished follows the name of a file that is being written.
const unfinished = ".new"

// Config is what Files works with.
type Config struct {
	Dir string // the chain's folder
	// Journal is the path of the journal, in a folder that is the node's; "" for none.
	Journal string
	Plain   bool // files are not obfuscated (-persistmempoolv1)
	Owner   *chainstate.Owner
	Expiry  int64 // seconds after which a transaction is not taken in any more
	Log     *slog.Logger
}

// Files writes and reads the mempool.
type Files struct {
	cfg    Config
	loaded atomic.Bool
	saving sync.Mutex

	following atomic.Bool // there is a journal
	changes   changes
	writing   sync.Mutex // guards the fields below
	journal   journal
	complete  bool                        // the journal has all that there is
	lost      bool                        // it lacks changes
	noted     map[chainhash.Hash]struct{} // what it says that no peer has asked for
	told      map[chainhash.Hash]int64    // what it says that fees count more
}

// New returns Files that have loaded nothing yet.
func New(cfg Config) *Files { return &Files{cfg: cfg, journal: journal{path: cfg.Journal}} }

// Path is that of mempool.dat.
func (f *Files) Path() string { return filepath.Join(f.cfg.Dir, Name) }

// Loaded reports whether Load has ended.
func (f *Files) Loaded() bool { return f.loaded.Load() }

// LoadNothing is for who wants nothing of a life before.
func (f *Files) LoadNothing() { f.loaded.Store(true) }

// Load takes in what the journal or mempool.dat hold, and goes on without what it cannot
// read. It fails only if ctx ends.
func (f *Files) Load(ctx context.Context) error {
	complete := false
	if f.cfg.Journal != "" {
		var err error
		if complete, err = f.restore(ctx); err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if !complete {
		if err := f.loadFile(ctx); err != nil {
			return err
		}
	}
	f.loaded.Store(true)
	return nil
}

func (f *Files) loadFile(ctx context.Context) error {
	file, err := os.Open(f.Path())
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		f.cfg.Log.Info(fmt.Sprintf("Failed to open mempool file: %v. Continuing anyway.", err))
	default:
		defer file.Close()
		err := f.Import(ctx, file, Import{Times: true, Deltas: true, Unheard: true, once: true})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			f.cfg.Log.Info(fmt.Sprintf("Failed to deserialize mempool data on file: %v. Continuing anyway.", err))
		}
	}
	return nil
}

// ErrNotLoaded is the error of Save before Load has ended: what it has not read yet
// would be lost.
var ErrNotLoaded = wording.Errorf("The mempool was not loaded yet")

// Save writes the mempool to the file that open opens, or to mempool.dat if open is nil.
func (f *Files) Save(ctx context.Context, open func(context.Context) (*os.File, error)) (err error) {
	if !f.Loaded() {
		return ErrNotLoaded
	}
	f.saving.Lock()
	defer f.saving.Unlock()
	if open != nil {
		file, err := open(ctx)
		if err != nil {
			return err
		}
		return f.write(file)
	}
	file, err := os.OpenFile(f.Path()+unfinished, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := f.write(file); err != nil {
		return errors.Join(err, os.Remove(f.Path()+unfinished))
	}
	return os.Rename(f.Path()+unfinished, f.Path())
}

// write writes what there is at this moment, makes it durable and closes the file.
func (f *Files) write(file *os.File) (err error) {
	defer func() { err = errors.Join(err, file.Close()) }()
	began := time.Now()
	txs, rest := f.contents()
	copied := time.Now()
	var key [8]byte
	if !f.cfg.Plain {
		_, _ = rand.Read(key[:]) // never fails
	}
	f.cfg.Log.Info(fmt.Sprintf("Writing %d mempool transactions to file...", len(txs)))
	f.cfg.Log.Info(fmt.Sprintf("Writing %d unbroadcast transactions to file.", len(rest.Unheard)))
	if err := dump.Write(file, key, txs, rest); err != nil {
		return err
	}
	// A pipe cannot be made durable, nor need it.
	if err := file.Sync(); err != nil && regular(file) {
		return err
	}
	size, err := file.Seek(0, io.SeekCurrent)
	if err != nil && regular(file) {
		return err
	}
	f.cfg.Log.Info(fmt.Sprintf("Dumped mempool: %.3fs to copy, %.3fs to dump, %d bytes dumped to file",
		copied.Sub(began).Seconds(), time.Since(copied).Seconds(), size))
	return nil
}

func regular(file *os.File) bool {
	info, err := file.Stat()
	return err != nil || info.Mode().IsRegular()
}

func (f *Files) contents() ([]dump.Tx, dump.Rest) {
	pool := f.cfg.Owner.Pool()
	entries, _ := pool.Entries()
	deltas := maps.Clone(pool.Priorities())
	txs := make([]dump.Tx, len(entries))
	for i, e := range entries {
		txs[i] = dump.Tx{Tx: e.Tx, Time: e.Time, Delta: deltas[e.Tx.ID]}
		delete(deltas, e.Tx.ID)
	}
	return txs, dump.Rest{Deltas: deltas, Unheard: pool.Unheard()}
}

// Import says what is taken over of a file beside its transactions.
type Import struct {
	Times   bool // when they entered
	Deltas  bool // what prioritisetransaction added
	Unheard bool // which no peer has asked for
	once    bool // deltas that are there are not added to
}

// progressEvery is after how many transactions it is told how far an import is.
const progressEvery = 10_000

// Import offers what a file holds to the mempool. The error is about the file, or the
// cause of ctx.
func (f *Files) Import(ctx context.Context, from io.Reader, use Import) error {
	r, err := dump.NewReader(from)
	if err != nil {
		return err
	}
	f.cfg.Log.Info(fmt.Sprintf("Loading %d mempool transactions from file...", r.Count()))
	var tally tally
	for done := uint64(0); ; done++ {
		if done > 0 && done%progressEvery == 0 {
			f.cfg.Log.Info(fmt.Sprintf("Progress loading mempool transactions from file: %d%% (tried %d, %d remaining)",
				done*100/r.Count(), done, r.Count()-done))
		}
		tx, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = f.offer(ctx, tx, use, &tally)
		}
		if err != nil {
			return err
		}
	}
	rest, err := r.Rest()
	if err != nil {
		return err
	}
	unheard := 0
	if use.Deltas && use.once {
		if err := f.prioritise(ctx, rest.Deltas); err != nil {
			return err
		}
	}
	err = f.cfg.Owner.DoAmidBlocks(ctx, func(s *chainstate.State) error {
		if use.Deltas && !use.once {
			for txid, delta := range rest.Deltas {
				s.Pool.Prioritise(txid, delta)
			}
		}
		if use.Unheard {
			unheard = s.Pool.AddUnheard(rest.Unheard...)
		}
		return nil
	})
	f.cfg.Log.Info(fmt.Sprintf("Imported mempool transactions from file: %d succeeded, %d failed, %d expired, %d already there, %d waiting for initial broadcast",
		tally.taken, tally.refused, tally.expired, tally.known, unheard))
	return err
}

// tally counts what became of the transactions of a file.
type tally struct{ taken, refused, expired, known int }

// offer offers one. The error is not about the transaction.
func (f *Files) offer(ctx context.Context, tx dump.Tx, use Import, t *tally) error {
	owner := f.cfg.Owner
	if use.Deltas && use.once && tx.Delta != 0 {
		if err := f.prioritise(ctx, map[chainhash.Hash]int64{tx.ID: tx.Delta}); err != nil {
			return err
		}
	} else if use.Deltas && tx.Delta != 0 {
		if err := owner.DoAmidBlocks(ctx, func(s *chainstate.State) error { s.Pool.Prioritise(tx.ID, tx.Delta); return nil }); err != nil {
			return err
		}
	}
	opts := mempool.Options{}
	if use.Times {
		opts.Time = tx.Time
	}
	if use.Times && tx.Time <= owner.Time()-f.cfg.Expiry {
		t.expired++
		return nil
	}
	_, err := owner.ProcessTx(ctx, tx.Tx, opts)
	switch {
	case err == nil:
		t.taken++
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case owner.Pool().Get(tx.ID) != nil:
		t.known++
	default:
		t.refused++
	}
	return nil
}
