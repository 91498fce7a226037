package fees

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/feerate"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/mining"
)

// Chain is the best chain.
type Chain interface{ View() *chain.View }

// Pool is the mempool.
type Pool interface {
	NextBlock(limits mining.Limits) []mempool.Chunk
}

// Config is what Fees works with.
type Config struct {
	Dir       string // the chain's folder
	Stale     bool   // estimates may be of any age (-acceptstalefeeestimates)
	Chain     Chain
	MaxTipAge int64 // seconds up to which the chain counts as current (-maxtipage)
	Pool      Pool
	Loaded    func() bool         // the mempool has what one before had
	Floor     func() mempool.Rate // what the mempool asks for now
	Now       func() int64        // Unix seconds
	Log       *slog.Logger
}

// Fees is the estimators of a node.
type Fees struct {
	cfg Config

	mu     sync.Mutex // guards the fields below
	policy *feerate.Estimator
	window *feerate.Window
	cache  levels

	looking sync.Mutex // one looks at the mempool at a time
}

// levels is what the mempool said of the next block.
type levels struct {
	tip        chainhash.Hash
	at         int64
	half, most feerate.Quote
}

// New reads the files, of which it needs the chain.
func New(cfg Config) *Fees {
	return &Fees{cfg: cfg, policy: cfg.readPolicy(), window: cfg.readWindow()}
}

// maxLag is how old the tip may be, in seconds, for a transaction's wait to begin now.
const maxLag = 3 * 60 * 60

// current reports whether a transaction that comes now may be in the next block.
func (f *Fees) current() bool {
	view := f.cfg.Chain.View()
	tip := view.Tip()
	return !view.Initial && tip.Time >= f.cfg.Now()-maxLag && tip.Height >= view.BestHeader.Height-1
}

func rate(e *mempool.Entry) int64 { return feerate.Quote{Fee: e.Fee, VSize: e.VSize}.Rate() }

// Added hears of a transaction that entered the mempool.
func (f *Fees) Added(ev mempool.Added) {
	if !ev.Alone || !f.current() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.policy.Enter(ev.Entry.Tx.ID, uint32(ev.Entry.Height), rate(ev.Entry))
}

// Removed hears of one that left it.
func (f *Fees) Removed(ev mempool.Removed) {
	if ev.Reason == mempool.ByBlock {
		return // Followed tells of it
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.policy.Leave(ev.Entry.Tx.ID)
}

// Followed hears of a block, but for the initial download's.
func (f *Fees) Followed(ev chainstate.PoolFollowed) {
	if ev.Initial && (f.cfg.Chain.View().Initial || ev.Node.Time < f.cfg.Now()-f.cfg.MaxTipAge) {
		return
	}
	mined := feerate.Mined{Height: uint64(ev.Node.Height)}
	for _, tx := range ev.Block.Txs[1:] {
		mined.Weight += uint64(tx.Weight())
	}
	confirmed := make([]feerate.Confirmed, len(ev.Had))
	for i, e := range ev.Had {
		mined.Pooled += uint64(e.Tx.Weight())
		confirmed[i] = feerate.Confirmed{ID: e.Tx.ID, Height: uint32(e.Height), Rate: rate(e)}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.policy.Connect(uint32(ev.Node.Height), confirmed)
	f.window.Connect(mined, ev.Node.Hash)
	f.cache = levels{}
}

// MaxTarget returns the largest number of blocks that can be asked for.
func (f *Fees) MaxTarget(h feerate.Horizon) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.policy.MaxTarget(h)
}

// Raw is feerate.Estimator's.
func (f *Fees) Raw(target int, threshold float64, h feerate.Horizon) (int64, feerate.Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.policy.Raw(target, threshold, h)
}

// Blocks returns the last blocks, the earliest first.
func (f *Fees) Blocks() []feerate.Mined {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.window.Blocks())
}

// cacheLife is for how long what the mempool said is repeated, while the tip is the same.
const cacheLife = 7 * time.Second

// nextBlock returns the fee rates down to which the mempool fills half of the next block,
// and three quarters.
func (f *Fees) nextBlock() (half, most feerate.Quote) {
	f.looking.Lock()
	defer f.looking.Unlock()
	tip := f.cfg.Chain.View().Tip()
	f.mu.Lock()
	known := f.cache
	f.mu.Unlock()
	now := f.cfg.Now()
	if known.tip == tip.Hash && now <= known.at+int64(cacheLife/time.Second) {
		return known.half, known.most
	}
	limits := mining.DefaultLimits()
	limits.Height, limits.Time = tip.Height+1, tip.MedianTime()
	var taken []feerate.Quote
	for _, c := range f.cfg.Pool.NextBlock(limits) {
		taken = append(taken, feerate.Quote{Fee: c.Fee, VSize: c.VSize()})
	}
	// Sizes that are rounded may change the order a little.
	slices.SortStableFunc(taken, func(a, b feerate.Quote) int {
		switch {
		case b.Below(a):
			return -1
		case a.Below(b):
			return 1
		}
		return 0
	})
	half, most = feerate.Levels(taken, feerate.PerKvB(int64(f.cfg.Floor())))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cache = levels{tip.Hash, now, half, most}
	return half, most
}
