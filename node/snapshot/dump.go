package snapshot

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"sync"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// dumps are the UTXO sets that are being written to files.
type dumps struct {
	mu     sync.Mutex
	needed map[string]int32 // by path, above which height blocks are needed
}

// begin reports whether nobody else is writing to a path.
func (d *dumps) begin(path string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, running := d.needed[path]; running {
		return false
	}
	if d.needed == nil {
		d.needed = map[string]int32{}
	}
	d.needed[path] = math.MaxInt32
	return true
}

func (d *dumps) end(path string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.needed, path)
}

// keep keeps the blocks above a height from being deleted.
func (d *dumps) keep(path string, height int32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.needed[path] = height
}

// pruneLock returns the height up to limit up to which blocks may be deleted.
func (d *dumps) pruneLock(limit int32) int32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, height := range d.needed {
		limit = min(limit, height)
	}
	return limit
}

// Dump is a file that is asked for.
type Dump struct {
	Path     string
	Target   *chain.BlockNode // whose set it is to hold; nil for the tip
	InMemory bool             // keep what rolling back needs in memory
	// Open, if there is one, opens the file instead, of whatever name it is: who has done
	// so gives it its name when it is complete, or removes it.
	Open func() (*os.File, error)
}

// DumpResult is what dumptxoutset shows.
type DumpResult struct {
	Coins      uint64 `json:"coins_written"`
	Hash       string `json:"base_hash"`
	Height     int32  `json:"base_height"`
	Path       string `json:"path"`
	Serialized string `json:"txoutset_hash"`
	ChainTx    int64  `json:"nchaintx"`
}

// Write writes the file under another name until it is complete, unless
// there is a pipe of that name.
func (s *Sets) Write(ctx context.Context, d *Dump) (*DumpResult, error) {
	info, err := os.Stat(d.Path)
	pipe := err == nil && info.Mode()&fs.ModeNamedPipe != 0
	if err == nil && !pipe {
		return nil, rpc.Errorf(rpc.InvalidParameter, "%s already exists. If you are sure this is what you want, move it out of the way first", d.Path)
	}
	temporary := d.Path + ".incomplete"
	if pipe {
		temporary = d.Path
	}
	unwritable := rpc.Errorf(rpc.InvalidParameter, "Couldn't open file %s for writing.", temporary)
	if !s.dumps.begin(d.Path) {
		return nil, unwritable
	}
	defer s.dumps.end(d.Path)
	file, err := d.open(temporary)
	if err != nil {
		return nil, unwritable
	}
	result, err := s.dumpTo(ctx, d, file)
	if pipe {
		return result, errors.Join(err, file.Close())
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); d.Open != nil {
		return result, err
	} else if err != nil {
		return nil, errors.Join(err, os.Remove(temporary))
	}
	return result, os.Rename(temporary, d.Path)
}

func (d *Dump) open(name string) (*os.File, error) {
	if d.Open != nil {
		return d.Open()
	}
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

func (s *Sets) dumpTo(ctx context.Context, d *Dump, file *os.File) (*DumpResult, error) {
	snapshot, at, err := s.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snapshot.Close()
	if d.Target == nil {
		d.Target = at
	}
	if at != d.Target {
		old, err := s.rolledBack(ctx, d, snapshot, at)
		if err != nil {
			return nil, err
		}
		defer old.remove(s.cfg.Log)
		defer old.Close()
		return s.dumpSnapshot(ctx, d, old.Snapshot, file)
	}
	return s.dumpSnapshot(ctx, d, snapshot, file)
}

func (s *Sets) dumpSnapshot(ctx context.Context, d *Dump, from *store.Snapshot, file *os.File) (*DumpResult, error) {
	began := time.Now()
	stats, err := coins.ReadStats(from, coins.HashSerialized3, func() error { return context.Cause(ctx) })
	if err != nil {
		return nil, err
	}
	s.cfg.Log.Info(fmt.Sprintf("Writing the UTXO set at height %d (%s), %d coins, to file %s", d.Target.Height, d.Target.Hash, stats.Outputs, d.Path))
	header := coins.SetHeader{Network: Magic(s.cfg.Params.Net), Block: d.Target.Hash, Coins: uint64(stats.Outputs)}
	buffered := bufio.NewWriterSize(file, 1<<20)
	logged := 0
	written, err := coins.WriteSet(buffered, header, from, func(written uint64) error {
		if percent := int(written * 100 / header.Coins); percent >= logged+10 {
			logged = percent
			s.cfg.Log.Info(fmt.Sprintf("Wrote %d coins (%d%%)", written, percent))
		}
		return context.Cause(ctx)
	})
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil && written != header.Coins {
		err = fmt.Errorf("%d coins were written instead of %d", written, header.Coins)
	}
	if err != nil {
		return nil, err
	}
	s.cfg.Log.Info(fmt.Sprintf("Wrote the UTXO set at height %d in %.2fs", d.Target.Height, time.Since(began).Seconds()))
	return &DumpResult{
		Coins: written, Hash: d.Target.Hash.String(), Height: d.Target.Height, Path: d.Path,
		Serialized: stats.Hash.String(), ChainTx: s.chain.Info(d.Target).ChainTx,
	}, nil
}

// Magic returns the bytes with which messages, and files, of a network begin.
func Magic(net wire.BitcoinNet) (magic [4]byte) {
	for i := range magic {
		magic[i] = byte(net >> (8 * i))
	}
	return magic
}

// Snapshot flushes and returns a view of the chain's UTXO set that stays as it
// is, and its block. The caller closes it.
func (s *Sets) Snapshot(ctx context.Context) (*store.Snapshot, *chain.BlockNode, error) {
	var snapshot *store.Snapshot
	err := s.owner.DoFlushed(ctx, func(state *chainstate.State) error {
		snapshot = state.Chain.Coins().Snapshot()
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	best, err := coins.SnapshotBest(snapshot)
	if err != nil {
		snapshot.Close()
		return nil, nil, err
	}
	return snapshot, s.chain.Lookup(best), nil
}

// PruneLock returns the height, limit at the most, up to which the files that
// are being written let blocks be deleted.
func (s *Sets) PruneLock(limit int32) int32 { return s.dumps.pruneLock(limit) }
