package chaintest

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/blockfile"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/script"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// Disk is a data directory of a node's cores and the databases in it.
type Disk struct {
	Blocks *blockfile.Store
	Index  *store.DB
	Coins  *store.DB
}

// OpenDisk opens dir as a node does.
func OpenDisk(t testing.TB, dir string, p *consensus.Params) *Disk {
	t.Helper()
	blocks, err := blockfile.Open(blockfile.Config{
		Dir: filepath.Join(dir, "blocks"), Magic: uint32(p.Net), XOR: true, Fresh: blockfile.Key{1, 2, 3},
	})
	require.NoError(t, err)
	index, err := store.Open(store.Config{Dir: filepath.Join(dir, "blocks", "index")})
	require.NoError(t, err)
	db, err := store.Open(store.Config{Dir: filepath.Join(dir, "chainstate")})
	require.NoError(t, err)
	return &Disk{Blocks: blocks, Index: index, Coins: db}
}

// Close closes everything, without flushing a chain.
func (d *Disk) Close(t testing.TB) {
	t.Helper()
	require.NoError(t, d.Blocks.Close())
	require.NoError(t, d.Index.Close())
	require.NoError(t, d.Coins.Close())
}

// Config returns the configuration of an engine on the disk.
func (d *Disk) Config(p *consensus.Params) chain.Config {
	return chain.Config{
		Params: p, Blocks: d.Blocks, Index: d.Index, Coins: d.Coins,
		Verifier: script.New(script.Config{Txs: 1000}), Cache: 64 << 20, LeaveWrites: 1 << 20, MaxTipAge: 24 * 60 * 60,
	}
}

// Statistics flushes an engine and reads its UTXO set.
func Statistics(t testing.TB, e *chain.Engine, hashType coins.HashType) coins.Stats {
	t.Helper()
	require.NoError(t, e.Flush())
	snapshot := e.Coins().Snapshot()
	defer snapshot.Close()
	stats, err := coins.ReadStats(snapshot, hashType, func() error { return nil })
	require.NoError(t, err)
	return stats
}

// Activate moves an engine until there is nothing more to do, as its owner does.
// It shows what has happened, also before, to the engine's readers, and passes it
// on to hear, which may be nil. After an error, what was done is shown too.
func Activate(e *chain.Engine, now int64, hear func(chain.Event)) error {
	Tell(e, hear)
	for {
		more, err := e.Advance(now)
		Tell(e, hear)
		if flushed := e.Crowded(); err == nil && !more && flushed != nil {
			<-flushed
			more = true
		}
		if err == nil && !more && e.UnderWay() {
			more, err = true, e.Drain(now)
			Tell(e, hear)
		}
		more = more || e.Resumes() // the flush has ended in between
		if err != nil || !more {
			return err
		}
	}
}

// Tell shows what has happened to the engine's readers, and passes it on to
// hear, which may be nil.
func Tell(e *chain.Engine, hear func(chain.Event)) {
	for _, ev := range e.Take() {
		e.Show(ev)
		if hear != nil {
			hear(ev)
		}
	}
}
