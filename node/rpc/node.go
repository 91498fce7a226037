package rpc

import (
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/feerate"
	"github.com/bulkheadnode/bulkhead/node/fees"
	"github.com/bulkheadnode/bulkhead/node/indexer"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/orphanage"
	"github.com/bulkheadnode/bulkhead/node/poolfile"
	"github.com/bulkheadnode/bulkhead/node/privatebroadcast"
	"github.com/bulkheadnode/bulkhead/node/snapshot"
	"github.com/bulkheadnode/bulkhead/node/store"
	"github.com/bulkheadnode/bulkhead/node/tipwatch"
)

// Tree is the tree of headers and the best chain in it.
type Tree interface {
	View() *chain.View
	Lookup(hash chainhash.Hash) *chain.BlockNode
	Info(at *chain.BlockNode) chain.Info
	Each(fn func(*chain.BlockNode))
	Background() *chain.Background
}

// Blocks is what is stored of blocks.
type Blocks interface {
	ReadBlock(at *chain.BlockNode) (*consensus.Block, error)
	ReadRaw(at *chain.BlockNode) ([]byte, error)
	ReadUndo(at *chain.BlockNode) (coins.Undo, error)
	IsPruned(at *chain.BlockNode) bool
	FirstStored(in *chain.View) *chain.BlockNode
}

// Coins shows the best chain and its UTXO set while they stand still.
type Coins interface {
	ReadTip(fn func(*chain.TipState) error) error
}

// Owner changes chain and mempool.
type Owner interface {
	Do(ctx context.Context, fn func(*chainstate.State) error) error
	ProcessOwnBlock(ctx context.Context, block *consensus.Block) (chainstate.Verdict, error)
	ProcessTx(ctx context.Context, tx *consensus.Tx, opts mempool.Options) (mempool.Result, error)
	ProcessPackage(ctx context.Context, txs []*consensus.Tx, opts mempool.Options) (outcomes []chainstate.Outcome, refused, err error)
	TryPackage(ctx context.Context, txs []*consensus.Tx) (*mempool.Package, error)
	Broadcast(ctx context.Context, tx *consensus.Tx, maxRate int64) error
	Reannounce(ctx context.Context) error
}

// Sets reads UTXO sets from files and writes them to files.
type Sets interface {
	Snapshot(ctx context.Context) (*store.Snapshot, *chain.BlockNode, error)
	Write(ctx context.Context, d *snapshot.Dump) (*snapshot.DumpResult, error)
	Load(ctx context.Context, header coins.SetHeader, file *os.File) (*chain.BlockNode, error)
	Progress() float64
}

// Pools writes the mempool to files and reads it from them.
type Pools interface {
	Loaded() bool
	Path() string
	Save(ctx context.Context, open func(context.Context) (*os.File, error)) error
	Import(ctx context.Context, from io.Reader, use poolfile.Import) error
}

// Mempool finds transactions that wait.
type Mempool interface {
	Get(txid chainhash.Hash) *mempool.Entry
	Spender(op wire.OutPoint) *mempool.Entry
	Entries() ([]*mempool.Entry, uint64)
	Figures() mempool.Figures
	MempoolDetails
}

// MempoolDetails describes transactions by what they have to do with others.
type MempoolDetails interface {
	All() ([]mempool.Details, uint64)
	Details(txid chainhash.Hash) (mempool.Details, bool)
	Ancestors(txid chainhash.Hash) ([]mempool.Details, bool)
	Descendants(txid chainhash.Hash) ([]mempool.Details, bool)
	Priorities() map[chainhash.Hash]int64
	Cluster(txid chainhash.Hash) ([]mempool.Chunk, bool)
	Diagram() []mempool.Chunk
}

// Private sends transactions by connections of their own.
type Private interface {
	SendPrivately(ctx context.Context, tx *consensus.Tx, maxRate int64) error
	SkipPrivately(ctx context.Context, by time.Duration)
	Infos() []privatebroadcast.Info
	Abort(id chainhash.Hash) []*consensus.Tx
}

// Fees estimates which fee rate is needed.
type Fees interface {
	MaxTarget(h feerate.Horizon) int
	Estimate(by fees.Source, target int, conservative bool) (fees.Estimate, error)
	Raw(target int, threshold float64, h feerate.Horizon) (rate int64, result feerate.Result)
	Blocks() []feerate.Mined
}

// Settings are those of the node that commands show or go by.
type Settings struct {
	Chain         string // a name of package chains
	Dir           string // of the chain; relative paths begin there
	DatabaseCache int64  // bytes of a database's memory
	Pruning       bool
	PruneTarget   int64 // bytes, zero if only pruneblockchain deletes any
	Mining        MiningSettings
	Deprecated    []string // -deprecatedrpc
}

// deprecated reports whether something that Bitcoin Core shows no more is wanted.
func (s *Settings) deprecated(what string) bool { return slices.Contains(s.Deprecated, what) }

// MiningSettings say what blocks are assembled.
type MiningSettings struct {
	MaxWeight int
	Reserved  int   // -blockreservedweight
	MinRate   int64 // -blockmintxfee, satoshi per 1000 vbytes
	Version   int32 // on regtest, zero for the right one
	Print     bool  // -printpriority: log what is chosen
}

// Node is what the commands work on.
type Node struct {
	Params   *consensus.Params
	Settings Settings
	Policy   mempool.Config

	Tree    Tree
	Blocks  Blocks
	Coins   Coins
	Owner   Owner
	Sets    Sets
	Mempool Mempool
	Pools   Pools
	Indexes *indexer.Indexer
	Tips    *tipwatch.Watch // of the best chain
	Private Private         // nil without -privatebroadcast
	Fees    Fees            // nil with -blocksonly
	// Given returns a file that a user named, by its number: nil if we open such.
	Given func(ctx context.Context, number uint64) (*os.File, error)

	Orphans  func() []orphanage.Orphan
	MinRate  func() mempool.Rate // what the mempool asks for now
	DiskSize func() int64        // bytes of all block files
	Loaded   func() bool         // what was on disk is connected, and -loadblock imported
	Warnings func() []string     // what the user should know
	Now      func() int64        // Unix seconds
	Log      *slog.Logger
}

// Table lists the commands. They are shown by a Node without fields, and run
// with one that has all of them.
func Table(n *Node) rpc.Table {
	families := []interface{ table() rpc.Table }{
		chainQueries{n}, blockQueries{n}, tipCommands{n}, mempoolQueries{n}, txCommands{n},
		&miner{Node: n}, &utxoQueries{Node: n}, &indexQueries{Node: n}, setFiles{n}, maintenance{n}, addresses{n}, privateCommands{n}, restQueries{n}, feeQueries{n},
	}
	var table rpc.Table
	for _, family := range families {
		table = append(table, family.table()...)
	}
	for i := range table {
		table[i].Run = untilTheEnd(table[i].Run)
	}
	return table
}

// The families of commands.
type (
	chainQueries   struct{ *Node } // the chain as a whole
	blockQueries   struct{ *Node } // single blocks
	tipCommands    struct{ *Node } // choosing the tip, and waiting for it
	mempoolQueries struct{ *Node }
	txCommands     struct{ *Node }
	setFiles       struct{ *Node } // UTXO sets in files
	maintenance    struct{ *Node } // of the files on disk
	addresses      struct{ *Node } // addresses and descriptors
	// what is sent by connections of its own
	privateCommands struct{ *Node }
	feeQueries      struct{ *Node }

	miner struct {
		*Node
		built atomic.Pointer[built]
	}
	utxoQueries struct {
		*Node
		scan scanState
	}
	indexQueries struct {
		*Node
		scan filterScan
	}
)
