package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/internal/space"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/feed"
	"github.com/bulkheadnode/bulkhead/node/fees"
	"github.com/bulkheadnode/bulkhead/node/index"
	"github.com/bulkheadnode/bulkhead/node/indexer"
	"github.com/bulkheadnode/bulkhead/node/poolfile"
	"github.com/bulkheadnode/bulkhead/node/privatebroadcast"
	"github.com/bulkheadnode/bulkhead/node/relay"
	"github.com/bulkheadnode/bulkhead/node/script"
	"github.com/bulkheadnode/bulkhead/node/signature"
)

// open opens files and databases, loads the chain, and makes the rooms.
func (n *node) open() error {
	var err error
	if n.params, err = n.cfg.params(); err != nil {
		return err
	}
	for _, dir := range []string{n.cfg.BlocksDir, n.cfg.Dir} {
		if err := space.Check(dir, 0); err != nil {
			return part.Final(err)
		}
	}
	if n.params.SignetChallenge != nil {
		n.log.Info(fmt.Sprintf("Signet derived magic (message start): %x", binary.LittleEndian.AppendUint32(nil, uint32(n.params.Net))))
	}
	began := time.Now()
	n.disk = disk{cfg: &n.cfg, params: n.params, log: n.log}
	if err := n.disk.open(); err != nil {
		return err
	}
	n.unknown = chain.NewUnknownRules(n.params)
	n.feed = feed.New(feed.Config{
		Events: n.cfg.Events, Tip: n.tip, TxRate: min(max(n.cfg.TxRate, 1), maxTxRate), Clock: n.env.Clock, Log: n.log,
		Best: func(wtxids []chainhash.Hash) []chainhash.Hash { return n.owner.Pool().Best(wtxids) },
	})
	if err := n.openChain(); err != nil {
		return err
	}
	tip := n.owner.Chain().View().Tip()
	n.log.Info(fmt.Sprintf("Loaded best chain: hashBestChain=%s height=%d date=%s progress=%f", tip.Hash, tip.Height, tip.ISOTime(), observer{n}.progress(tip)))
	n.log.Info(fmt.Sprintf(" block index %15dms", time.Since(began).Milliseconds()))
	n.pools = poolfile.New(poolfile.Config{
		Dir: n.cfg.Dir, Journal: n.cfg.keptJournal(), Plain: n.cfg.PersistMempoolV1, Owner: n.owner, Expiry: n.cfg.MempoolHours * 60 * 60, Log: n.log,
	})
	n.openFees()
	n.sets.Attach(n.owner, observer{n}.snapshotEvents())
	if n.cfg.PrivateBroadcast {
		n.private = privatebroadcast.New(n.env.Clock.Now)
	}
	n.relay = relay.New(relay.Config{
		Filter: n.filter, ExtraTxs: min(max(n.cfg.ExtraTxs, 0), maxExtraTxs),
		Owner: n.owner, Feed: n.feed, Params: n.params, Pruning: n.cfg.pruning(), Loaded: n.loaded.Load, Clock: n.env.Clock, Log: n.log,
		Private: n.private,
	})
	return n.openIndexes()
}

// openFees reads what is known of fee rates. It would never change without transactions of
// peers.
func (n *node) openFees() {
	if n.cfg.BlocksOnly {
		return
	}
	n.fees = fees.New(fees.Config{
		Dir: n.cfg.Dir, Stale: n.cfg.StaleFees, Chain: n.owner.Chain(), MaxTipAge: n.cfg.MaxTipAge, Pool: n.owner.Pool(),
		Loaded: n.pools.Loaded, Floor: n.owner.MinRate, Now: n.now, Log: n.log,
	})
}

// filter returns a block's filter; nil if there is none, or not yet.
func (n *node) filter(at *chain.BlockNode) (*index.Filter, error) {
	if n.indexes == nil || n.indexes.Filters == nil {
		return nil, nil
	}
	return n.indexes.Filters.Get(at)
}

// maxTxRate bounds -txsendrate.
const maxTxRate = 1000

// maxExtraTxs bounds -blockreconstructionextratxn: at the most, a gigabyte.
const maxExtraTxs = 10_000

func (n *node) openChain() error {
	n.log.Info("Signatures are verified by " + signature.Library)
	n.log.Info("Loading block index...")
	if n.cfg.pruning() {
		n.log.Info(pruneText(n.cfg.pruneTarget()))
	}
	var err error
	n.owner, err = chainstate.Open(chainstate.Config{
		Chain: chain.Config{
			Params: n.params, Blocks: n.blocks, Index: n.index, Coins: n.sets.Coins(), Assumed: n.sets.Assumption(),
			Verifier: script.New(script.Config{Parallel: n.cfg.Parallel, Txs: 100_000, Disagreed: n.disagreed}),
			Cache:    max(n.cfg.CacheMiB, 4) << 20 * 3 / 4, LeaveWrites: leaveWrites, MaxTipAge: n.cfg.MaxTipAge,
			Pruning: n.cfg.pruning(), PruneTarget: n.cfg.pruneTarget(), PruneLock: n.pruneLock,
			Reindexing: n.reindexing, Room: n.room, Replayed: n.logReplay(),
		},
		Mempool: n.cfg.policy(), Now: n.now, Observe: observer{n}.observe, Log: n.log, Stopping: n.stopping,
	})
	if err != nil {
		return fmt.Errorf("loading the chain: %w", err)
	}
	for _, err := range n.owner.Doubted() {
		n.log.Warn(fmt.Sprintf("%v; the block is downloaded again", err))
	}
	if err := n.checkPruned(); err != nil {
		return err
	}
	return n.checkLast()
}

// leaveWrites is how many bytes of coins in memory are written in about a
// second: a node that is told to stop is not to keep its user waiting.
const leaveWrites = 48 << 20

// replayLogInterval is how often it is told how far the repetition of blocks is.
const replayLogInterval = 10 * time.Second

// logReplay returns what tells of blocks that are repeated at the start: the
// node was stopped, or died, before their coins were written.
func (n *node) logReplay() func(done, left int) {
	var told time.Time
	return func(done, left int) {
		switch now := time.Now(); {
		case done == 1:
			n.log.Info(fmt.Sprintf("Replaying %d blocks, whose coins were not written before the last end", left+1))
			told = now
		case left == 0:
			n.log.Info(fmt.Sprintf("Replayed %d blocks", done))
		case now.Sub(told) >= replayLogInterval:
			n.log.Info(fmt.Sprintf("Replaying blocks: %d of %d", done, done+left))
			told = now
		}
	}
}

// disagreed says that an input was accepted though one of two interpreters
// refused it: a fault of this program, which somebody should hear of.
func (n *node) disagreed(evidence string) {
	n.log.Error("SCRIPT INTERPRETERS DISAGREE, please report this line: " + evidence)
}

func (n *node) openIndexes() error {
	var err error
	n.indexes, err = indexer.Open(indexer.Config{
		Dir:          filepath.Join(n.cfg.Dir, "indexes"),
		Transactions: n.cfg.TxIndex, Spenders: n.cfg.SpenderIndex, Filters: n.cfg.FilterIndex, CoinStats: n.cfg.CoinStatsIndex,
		Wipe: n.cfg.Reindex, Chain: n.owner.Chain(), Params: n.params, Tips: n.tips, Ready: n.located, OpenStore: n.openStore, Log: n.log,
	})
	return err
}

// pruneLock returns up to which height what reads old blocks lets them be
// deleted.
func (n *node) pruneLock() int32 {
	if n.indexes == nil {
		return math.MaxInt32 // the chain is being opened
	}
	return n.indexes.PruneLock(n.sets.PruneLock(n.owner.Chain().View().Height()))
}

// openOrReindex opens everything. Damage is named together with what helps
// against it, unless the node may help itself.
func (n *node) openOrReindex() error {
	err := n.open()
	if err != nil && isDamage(err) && n.cfg.ReindexOnDamage && !n.cfg.Reindex {
		n.log.Error(fmt.Sprintf("%v: making the index anew", err))
		if err = n.close(); err == nil {
			n.cfg.Reindex = true
			err = n.open()
		}
	}
	if err == nil {
		return nil
	}
	err = errors.Join(n.damage(err), n.close())
	return err
}

func (n *node) damage(err error) error {
	if !isDamage(err) {
		return err
	}
	n.log.Error(n.whereabouts(err) + err.Error())
	text := fmt.Sprintf("Error opening block database: %v", err)
	switch {
	case errors.Is(err, chain.ErrVerify):
		text = "Corrupted block database detected"
	case errors.Is(err, chain.ErrFuture):
		text = chain.ErrFuture.Error()
	case errors.Is(err, chain.ErrIndex):
		text = "Error initializing block database"
	}
	return part.Final(&damageError{text + ".\n" + wayOut, err})
}

// whereabouts names the database that an error is about which does not do so
// itself.
func (n *node) whereabouts(err error) string {
	switch {
	case errors.Is(err, chain.ErrIndex):
		return n.indexDir() + " is corrupt, or lacks what other files refer to: "
	case errors.Is(err, coins.ErrCorrupt):
		return n.sets.Dir() + " is corrupt: "
	}
	return ""
}

// checkLast looks through the last blocks, as -checkblocks and -checklevel say.
func (n *node) checkLast() error {
	if tip := n.owner.Chain().View().Tip(); tip.Height > 0 && tip.Time > n.now()+consensus.MaxFutureSeconds {
		return chain.ErrFuture
	}
	if n.cfg.CheckBlocks < 0 || n.reindexing || n.cfg.ReindexChainstate || n.owner.Chain().View().Height() == 0 {
		return nil
	}
	n.log.Info("Verifying blocks…")
	err := n.owner.Do(context.Background(), func(s *chainstate.State) error {
		_, err := s.Verify(n.cfg.CheckLevel, n.cfg.CheckBlocks)
		return err
	})
	if errors.Is(err, chain.ErrVerifyPruned) {
		return nil
	}
	return err
}

// close closes what open has opened.
func (n *node) close() error {
	err := n.disk.close()
	if n.pools != nil {
		err = errors.Join(err, n.pools.Close())
	}
	if n.indexes != nil {
		err = errors.Join(err, n.indexes.Close())
	}
	return err
}
