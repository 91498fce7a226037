package chain

import (
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/blockfile"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/script"
)

// Kind is the stable name of a sort of failure that is not a broken rule.
type Kind string

func (k Kind) Error() string { return string(k) }

// The kinds of failure.
const (
	ErrIndex   Kind = "chain: corrupt block index"
	ErrUnknown Kind = "chain: unknown block"
	ErrNoBlock Kind = "chain: block data is not there"
	ErrUndo    Kind = "chain: undo data does not fit"
	ErrDamaged Kind = "chain: damaged block file"
	ErrLeft    Kind = "chain: cannot connect a block again"
	// ErrFuture is in Bitcoin Core's words, which clients compare.
	ErrFuture Kind = "The block database contains a block which appears to be from the future. " +
		"This may be due to your computer's date and time being set incorrectly. " +
		"Only rebuild the block database if you are sure that your computer's date and time are correct"
)

// DamageError names the place in a block file where something else was found
// than the block that was written there.
type DamageError struct {
	Block *BlockNode
	Pos   blockfile.Pos
	Cause error
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("blk%05d.dat is corrupt at offset %d, where block %s (height %d) should be: %v",
		e.Pos.File, e.Pos.Offset, e.Block.Hash, e.Block.Height, e.Cause)
}

// Is makes errors.Is find ErrDamaged. The cause is not to be taken for a
// verdict on the block.
func (e *DamageError) Is(target error) bool { return target == ErrDamaged }

// BlockFiles is where blocks and undo data are.
type BlockFiles interface {
	BlockRecords
	BlockSpace
}

// BlockRecords writes and reads what is in the files.
type BlockRecords interface {
	AppendBlock(raw []byte) (blockfile.Pos, error)
	ReadBlock(pos blockfile.Pos) ([]byte, error)
	AppendUndo(file int32, prev chainhash.Hash, undo []byte) (uint32, error)
	ReadUndo(pos blockfile.Pos, prev chainhash.Hash) ([]byte, error)
	Sync() error
}

// BlockSpace tells which files there are, and deletes them.
type BlockSpace interface {
	End() blockfile.Pos
	Files() []int32
	FileSize(num int32) int64
	DiskSize() int64
	Remove(num int32) error
}

// Config is what an Engine works with.
type Config struct {
	Params    *consensus.Params
	Blocks    BlockFiles
	Index     IndexStore
	Coins     coins.Store
	Verifier  *script.Verifier
	Assumed   *Assumption // nil if Coins is what the engine made itself
	Cache     int64       // bytes of coins in memory
	MaxTipAge int64       // seconds; a tip older than that means initial download
	// LeaveWrites is up to how many bytes of coins Leave writes.
	LeaveWrites int64
	// Pruning tells that block files may be deleted: those below PruneTarget
	// bytes by itself, unless that is zero. None is that has a block above the
	// height that PruneLock returns; it may be nil.
	Pruning     bool
	PruneTarget int64
	PruneLock   func() int32
	// Reindexing tells that the index is made anew with AcceptStored.
	Reindexing bool
	// Interrupted is asked between blocks of a long step, and of Open, which then
	// ends early; may be nil.
	Interrupted func() bool
	// Replayed hears from Open how many blocks of an interrupted flush are
	// repeated, and how many are left; may be nil.
	Replayed func(done, left int)
	// Room fails if so many bytes do not fit on the disk. It is asked before
	// anything is written; may be nil.
	Room func(bytes int64) error
}

// unseen is the order of arrival of a block that has not arrived: behind all
// others.
const unseen = 1<<31 - 1

// Engine is the block chain in the hands of its owner. It is built in layers,
// each of which uses those below: Reader (what others see), core (the state of a
// step), branches (which block is the best), storage (files and index),
// connector (the UTXO set), and here what uses all of them.
type Engine struct{ *connector }

// core is what all layers of the engine share.
type core struct {
	*Reader
	cfg      Config
	coins    *coins.Cache
	current  *View    // where the chain is; Reader shows it when the owner says so
	pipeline pipeline // blocks above current
	moved    uint64   // by how many moves the UTXO set came to current; see uncommitted
	events   []Event  // not taken yet
	failure  error    // see fail

	untold, untoldBytes int // blocks of events
}

// branches knows which branches of the tree could be the best chain.
type branches struct {
	*core
	bestHeader   *BlockNode
	candidates   map[*BlockNode]struct{}     // blocks that may become the tip
	waiting      map[*BlockNode][]*BlockNode // blocks by their parent that lacks data
	recent       recentBlocks
	nextSeq      int32
	preciousSeq  int32
	preciousWork consensus.Uint256
	refused      map[*BlockNode]*consensus.Reject
}

// storage knows what is in the block files and in the index on disk.
type storage struct {
	*branches
	files      blockFiles
	prunedSize int64         // bytes of all block files when pruning was considered
	doubted    []error       // see Doubted
	writing    *flush        // under way; nil if none is
	flushed    chan struct{} // see Flushed
	durable    *BlockNode    // from which on a start may have to repeat blocks
	repeated   bool          // Open has repeated blocks, and no flush has begun since
}

// connector moves the UTXO set.
type connector struct {
	*storage
	ahead        *prefetch // of the block whose turn may be next
	scriptReason string    // why scripts were verified last; see ScriptChecks
}

// Open loads the chain, repairs an interrupted flush, and creates genesis in a
// new data directory. Call Advance afterwards.
func Open(cfg Config, now int64) (*Engine, error) {
	if cfg.Interrupted == nil {
		cfg.Interrupted = func() bool { return false }
	}
	if cfg.Replayed == nil {
		cfg.Replayed = func(int, int) {}
	}
	if cfg.Room == nil {
		cfg.Room = func(int64) error { return nil }
	}
	tree, err := loadTree(cfg.Index, cfg.Params, cfg.assumedSet())
	if err != nil {
		return nil, err
	}
	reader := &Reader{params: cfg.Params, tree: tree, blocks: cfg.Blocks, cache: cfg.Cache}
	e := &Engine{&connector{storage: &storage{files: blockFiles{}, flushed: make(chan struct{}, 1), branches: &branches{
		candidates: map[*BlockNode]struct{}{}, waiting: map[*BlockNode][]*BlockNode{}, refused: map[*BlockNode]*consensus.Reject{},
		nextSeq: 2, preciousSeq: -1, core: &core{Reader: reader, cfg: cfg},
	}}}}
	return e, e.load(now)
}

func (e *Engine) load(now int64) error {
	set, heads, err := coins.Open(e.cfg.Coins)
	if err != nil {
		return err
	}
	e.coins = set
	if err := e.loadGenesis(heads != nil || e.coins.Best() != (chainhash.Hash{})); err != nil {
		return err
	}
	if err := e.loadFiles(); err != nil {
		return err
	}
	tip, durable, err := e.loadCoins(e.coins, heads)
	if err != nil {
		return err
	}
	e.durable, e.repeated = durable, heads != nil
	if err := e.openBackground(); err != nil {
		return err
	}
	if err := e.distrust(tip); err != nil {
		return err
	}
	e.loadCandidates(tip)
	e.loadView(tip, now)
	if e.cfg.Pruning && !e.cfg.Reindexing {
		return e.removeForgotten()
	}
	return nil
}

// loadGenesis adds the first block to a new index. haveCoins tells that one was
// there before.
func (e *storage) loadGenesis(haveCoins bool) error {
	if e.tree.lookup(*e.params.GenesisHash) != nil {
		return nil
	}
	if haveCoins {
		return fmt.Errorf("%w: it is gone", ErrIndex)
	}
	if len(e.tree.nodes) > 0 {
		return fmt.Errorf("%w: no genesis block: wrong datadir for network?", ErrIndex)
	}
	block := e.genesis()
	n := newNode(&block.Header, block.Hash, nil)
	n.status = validTxs | validScripts
	n.txCount, n.chainTx = 1, 1
	e.tree.add(n)
	if e.cfg.Reindexing {
		return nil
	}
	pos, err := e.cfg.Blocks.AppendBlock(block.Raw)
	if err != nil {
		return err
	}
	n.status |= haveBlock
	n.block = pos
	return nil
}

// genesis returns the first block.
func (e *storage) genesis() *consensus.Block {
	txs := make([]*consensus.Tx, len(e.params.GenesisBlock.Transactions))
	for i, tx := range e.params.GenesisBlock.Transactions {
		txs[i] = consensus.NewTx(tx)
	}
	return consensus.NewBlock(e.params.GenesisBlock.Header, txs)
}

// loadFiles finds out what the block files hold, and whether all are there.
func (e *storage) loadFiles() error {
	e.tree.each(func(n *BlockNode) {
		if n.status&haveBlock != 0 {
			e.files.add(n)
		}
	})
	there := e.cfg.Blocks.Files()
	for num := range e.files {
		if !slices.Contains(there, num) {
			return fmt.Errorf("%w: blk%05d.dat is missing", ErrIndex, num)
		}
	}
	return nil
}

// loadCoins returns the block that a UTXO set belongs to, and the one from which
// on a start may have to repeat blocks. heads are those of an interrupted flush, if
// there was one.
func (e *connector) loadCoins(cache *coins.Cache, heads []chainhash.Hash) (tip, durable *BlockNode, err error) {
	if heads != nil {
		return e.replay(cache, heads)
	}
	best := cache.Best()
	if best == (chainhash.Hash{}) {
		best = *e.params.GenesisHash
		cache.Commit(cache.NewView(), best)
	}
	tip = e.tree.lookup(best)
	if tip == nil || tip.chainTx == 0 {
		return nil, nil, fmt.Errorf("%w: coins belong to block %s, which is not in it", ErrIndex, best)
	}
	return tip, tip, nil
}

func (e *branches) loadCandidates(tip *BlockNode) {
	e.tree.each(func(n *BlockNode) {
		n.seq = 1
		ours := tip.Ancestor(n.Height) == n
		if ours {
			n.seq = 0
		}
		if n.status&failed == 0 {
			e.considerHeader(n)
		}
		switch {
		case n.status&haveBlock == 0 && !ours:
			n.seq = unseen
		case n.status&haveBlock == 0:
		case n.chainTx == 0:
			e.await(n)
		case n.status&failed == 0 && !better(tip, n):
			e.candidates[n] = struct{}{}
		}
	})
	e.candidates[tip] = struct{}{}
}

func (e *Engine) loadView(tip *BlockNode, now int64) {
	view := viewOf(tip)
	view.BestHeader, view.coins = e.bestHeader, e.coins
	view.Initial = e.stillInitial(tip, now)
	e.current = view
	e.view.Store(view)
}

func (e *core) stillInitial(tip *BlockNode, now int64) bool {
	return tip.Work.Cmp(e.params.MinimumWork) < 0 || tip.Time < now-e.cfg.MaxTipAge
}

func asReject(err error) *consensus.Reject {
	var reject *consensus.Reject
	errors.As(err, &reject)
	return reject
}
