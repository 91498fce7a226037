package node

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
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

// dump is what is asked for.
type dump struct {
	path     string
	target   *chain.Node // nil for the tip
	inMemory bool        // what rolling back needs
}

// dumpResult is what dumptxoutset shows.
type dumpResult struct {
	Coins      uint64 `json:"coins_written"`
	Hash       string `json:"base_hash"`
	Height     int32  `json:"base_height"`
	Path       string `json:"path"`
	Serialized string `json:"txoutset_hash"`
	ChainTx    int64  `json:"nchaintx"`
}

// writeDump writes the file under another name until it is complete, unless
// there is a pipe of that name.
func (n *node) writeDump(ctx context.Context, d *dump) (*dumpResult, error) {
	info, err := os.Stat(d.path)
	pipe := err == nil && info.Mode()&fs.ModeNamedPipe != 0
	if err == nil && !pipe {
		return nil, rpc.Errorf(rpc.InvalidParameter, "%s already exists. If you are sure this is what you want, move it out of the way first", d.path)
	}
	temporary := d.path + ".incomplete"
	if pipe {
		temporary = d.path
	}
	unwritable := rpc.Errorf(rpc.InvalidParameter, "Couldn't open file %s for writing.", temporary)
	if !n.dumps.begin(d.path) {
		return nil, unwritable
	}
	defer n.dumps.end(d.path)
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, unwritable
	}
	result, err := n.dumpTo(ctx, d, file)
	if pipe {
		return result, errors.Join(err, file.Close())
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(temporary))
	}
	return result, os.Rename(temporary, d.path)
}

func (n *node) dumpTo(ctx context.Context, d *dump, file *os.File) (*dumpResult, error) {
	snapshot, at, err := n.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snapshot.Close()
	if d.target == nil {
		d.target = at
	}
	if at != d.target {
		old, err := n.rolledBack(ctx, d, snapshot, at)
		if err != nil {
			return nil, err
		}
		defer old.remove(n)
		defer old.Close()
		return n.dumpSnapshot(ctx, d, old.Snapshot, file)
	}
	return n.dumpSnapshot(ctx, d, snapshot, file)
}

func (n *node) dumpSnapshot(ctx context.Context, d *dump, from *store.Snapshot, file *os.File) (*dumpResult, error) {
	began := time.Now()
	stats, err := coins.ReadStats(from, coins.HashSerialized3, func() error { return context.Cause(ctx) })
	if err != nil {
		return nil, err
	}
	n.log.Info(fmt.Sprintf("Writing the UTXO set at height %d (%s), %d coins, to file %s", d.target.Height, d.target.Hash, stats.Outputs, d.path))
	header := coins.SetHeader{Network: n.networkMagic(), Block: d.target.Hash, Coins: uint64(stats.Outputs)}
	buffered := bufio.NewWriterSize(file, 1<<20)
	logged := 0
	written, err := coins.WriteSet(buffered, header, from, func(written uint64) error {
		if percent := int(written * 100 / header.Coins); percent >= logged+10 {
			logged = percent
			n.log.Info(fmt.Sprintf("Wrote %d coins (%d%%)", written, percent))
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
	n.log.Info(fmt.Sprintf("Wrote the UTXO set at height %d in %.2fs", d.target.Height, time.Since(began).Seconds()))
	return &dumpResult{
		Coins: written, Hash: d.target.Hash.String(), Height: d.target.Height, Path: d.path,
		Serialized: stats.Hash.String(), ChainTx: n.engine.Info(d.target).ChainTx,
	}, nil
}

// networkMagic returns the bytes with which messages of our network begin.
func (n *node) networkMagic() [4]byte { return magicOf(n.params) }

func magicOf(p *consensus.Params) (magic [4]byte) {
	for i := range magic {
		magic[i] = byte(p.Net >> (8 * i))
	}
	return magic
}

// absolute returns a path that is relative to the chain's data directory.
func (n *node) absolute(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(n.cfg.Dir, path)
}
