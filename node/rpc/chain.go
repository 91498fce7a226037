package rpc

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

func (n chainQueries) table() rpc.Table {
	return rpc.Table{
		{
			Name: "getblockchaininfo", Returns: blockchainInfo{}, Category: "Blockchain", Run: n.getBlockchainInfo,
			Summary: "Returns an object containing various state info regarding blockchain processing.",
		},
		{
			Name: "getblockcount", Returns: int32(0), Category: "Blockchain", Result: "n    (numeric) The current block count",
			Summary: "Returns the height of the most-work fully-validated chain.\nThe genesis block has height 0.",
			Run:     func(context.Context, *rpc.Call) (any, error) { return n.Tree.View().Height(), nil },
		},
		{
			Name: "getbestblockhash", Returns: rpc.Hex, Category: "Blockchain", Result: `"hex"    (string) the block hash, hex-encoded`,
			Summary: "Returns the hash of the best (tip) block in the most-work fully-validated chain.",
			Run:     func(context.Context, *rpc.Call) (any, error) { return n.Tree.View().Tip().Hash.String(), nil },
		},
		{
			Name: "getblockhash", Examples: []string{`[1000]`}, Returns: rpc.Hex, Category: "Blockchain", Run: n.getBlockHash, Result: `"hex"    (string) The block hash`,
			Summary: "Returns hash of block in best-block-chain at height provided.",
			Params:  []rpc.Param{{Name: "height", Type: rpc.Number, Help: "The height index"}},
		},
		{
			Name: "getdifficulty", Returns: rpc.Float(0), Category: "Blockchain",
			Summary: "Returns the proof-of-work difficulty as a multiple of the minimum difficulty.",
			Run: func(context.Context, *rpc.Call) (any, error) {
				return rpc.Float(consensus.Difficulty(n.Tree.View().Tip().Bits)), nil
			},
		},
		{
			Name: "getchaintips", Returns: []chainTip{}, Category: "Blockchain", Run: n.getChainTips,
			Summary: "Return information about all known tips in the block tree, including the main chain as well as orphaned branches.",
		},
		{
			Name: "getchainstates", Returns: chainStates{}, Category: "Blockchain", Run: n.getChainStates,
			Summary: "Return information about chainstates.",
		},
		{
			Name: "syncwithvalidationinterfacequeue", Returns: rpc.Null{}, Category: "hidden", Result: "null",
			Summary: "Waits for the validation interface queue to catch up on everything that was there when we entered this function.",
			Run: func(ctx context.Context, _ *rpc.Call) (any, error) {
				return nil, errors.Join(n.Owner.Do(ctx, func(s *chainstate.State) error { return nil }), n.Indexes.AwaitAll(ctx))
			},
		},
	}
}

type blockchainInfo struct {
	Chain           string          `json:"chain"`
	Blocks          int32           `json:"blocks"`
	Headers         int32           `json:"headers"`
	BestBlockHash   string          `json:"bestblockhash"`
	Bits            string          `json:"bits"`
	Target          string          `json:"target"`
	Difficulty      rpc.Float       `json:"difficulty"`
	Time            int64           `json:"time"`
	MedianTime      int64           `json:"mediantime"`
	Progress        rpc.Float       `json:"verificationprogress"`
	Initial         bool            `json:"initialblockdownload"`
	Background      *backgroundInfo `json:"backgroundvalidation,omitempty"`
	ChainWork       string          `json:"chainwork"`
	SizeOnDisk      int64           `json:"size_on_disk"`
	Pruned          bool            `json:"pruned"`
	PruneHeight     *int32          `json:"pruneheight,omitempty"`
	AutoPruning     *bool           `json:"automatic_pruning,omitempty"`
	PruneTarget     *int64          `json:"prune_target_size,omitempty"`
	SignetChallenge string          `json:"signet_challenge,omitempty"`
	Warnings        any             `json:"warnings"`
}

func (n chainQueries) getBlockchainInfo(context.Context, *rpc.Call) (any, error) {
	view := n.Tree.View()
	tip := view.Tip()
	info := blockchainInfo{
		Chain: n.Settings.Chain, Blocks: tip.Height, Headers: view.BestHeader.Height, BestBlockHash: tip.Hash.String(),
		Bits: bitsText(tip.Bits), Target: targetText(tip.Bits), Difficulty: rpc.Float(consensus.Difficulty(tip.Bits)),
		Time: tip.Time, MedianTime: tip.MedianTime(), Progress: n.progress(tip), Initial: view.Initial,
		ChainWork: tip.Work.Hex(), SizeOnDisk: n.DiskSize(), SignetChallenge: hex.EncodeToString(n.Params.SignetChallenge),
		Background: n.backgroundInfo(), Warnings: rpc.Warnings(n.Warnings(), n.Settings.deprecated("warnings")),
	}
	if target := n.Settings.PruneTarget; n.Settings.Pruning {
		first, automatic := n.Blocks.FirstStored(view).Height, target > 0
		info.Pruned, info.PruneHeight, info.AutoPruning = true, &first, &automatic
		if automatic {
			info.PruneTarget = &target
		}
	}
	return info, nil
}

// backgroundInfo tells how far the blocks below a loaded UTXO set are verified.
type backgroundInfo struct {
	SnapshotHeight int32     `json:"snapshotheight"`
	Blocks         int32     `json:"blocks"`
	BestBlockHash  string    `json:"bestblockhash"`
	MedianTime     int64     `json:"mediantime"`
	ChainWork      string    `json:"chainwork"`
	Progress       rpc.Float `json:"verificationprogress"`
}

func (n chainQueries) backgroundInfo() *backgroundInfo {
	h := n.Tree.Background()
	if h == nil {
		return nil
	}
	tip := h.View().Tip()
	return &backgroundInfo{h.Base().Height, tip.Height, tip.Hash.String(), tip.MedianTime(), tip.Work.Hex(), rpc.Float(n.Sets.Progress())}
}

func bitsText(bits uint32) string { return fmt.Sprintf("%08x", bits) }

func targetText(bits uint32) string {
	target, _ := consensus.Target(bits)
	return target.Hex()
}

func (n chainQueries) getBlockHash(_ context.Context, call *rpc.Call) (any, error) {
	height, err := call.Int(0, 0)
	if err != nil {
		return nil, err
	}
	at := n.Tree.View().At(int32(height))
	if at == nil {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Block height out of range")
	}
	return at.Hash.String(), nil
}

type chainTip struct {
	Height    int32  `json:"height"`
	Hash      string `json:"hash"`
	BranchLen int32  `json:"branchlen"`
	Status    string `json:"status"`
}

func (n chainQueries) getChainTips(context.Context, *rpc.Call) (any, error) {
	var nodes []*chain.BlockNode
	parents := map[*chain.BlockNode]struct{}{}
	n.Tree.Each(func(at *chain.BlockNode) {
		nodes = append(nodes, at)
		parents[at.Parent] = struct{}{}
	})
	view := n.Tree.View()
	tips := []*chain.BlockNode{view.Tip()}
	for _, at := range nodes {
		if _, inner := parents[at]; !inner && !view.Contains(at) {
			tips = append(tips, at)
		}
	}
	slices.SortStableFunc(tips, func(a, b *chain.BlockNode) int { return int(b.Height - a.Height) })
	result := make([]chainTip, len(tips))
	for i, tip := range tips {
		result[i] = chainTip{tip.Height, tip.Hash.String(), tip.Height - view.Fork(tip).Height, n.tipStatus(view, tip)}
	}
	return result, nil
}

func (n chainQueries) tipStatus(view *chain.View, tip *chain.BlockNode) string {
	info := n.Tree.Info(tip)
	switch {
	case view.Contains(tip):
		return "active"
	case info.Failed:
		return "invalid"
	case info.ChainTx == 0:
		return "headers-only"
	case info.ValidScripts:
		return "valid-fork"
	}
	return "valid-headers"
}

type chainStates struct {
	Headers int32        `json:"headers"`
	States  []chainState `json:"chainstates"`
}

type chainState struct {
	Blocks        int32     `json:"blocks"`
	BestBlockHash string    `json:"bestblockhash"`
	Bits          string    `json:"bits"`
	Target        string    `json:"target"`
	Difficulty    rpc.Float `json:"difficulty"`
	Progress      rpc.Float `json:"verificationprogress"`
	Snapshot      string    `json:"snapshot_blockhash,omitempty"`
	DBCache       int64     `json:"coins_db_cache_bytes"`
	TipCache      int64     `json:"coins_tip_cache_bytes"`
	Validated     bool      `json:"validated"`
}

func (n chainQueries) getChainStates(context.Context, *rpc.Call) (any, error) {
	view := n.Tree.View()
	active := n.chainState(view.Tip())
	active.Validated = true
	states := chainStates{Headers: view.BestHeader.Height}
	if h := n.Tree.Background(); h != nil {
		active.Snapshot, active.Validated = h.Base().Hash.String(), false
		past := n.chainState(h.View().Tip())
		past.Validated = true
		for _, state := range []*chainState{&active, &past} {
			state.TipCache /= 2 // they share it
		}
		states.States = append(states.States, past)
	}
	states.States = append(states.States, active)
	return states, nil
}

func (n chainQueries) chainState(tip *chain.BlockNode) chainState {
	quarter := n.Settings.DatabaseCache
	return chainState{
		Blocks: tip.Height, BestBlockHash: tip.Hash.String(), Bits: bitsText(tip.Bits), Target: targetText(tip.Bits),
		Difficulty: rpc.Float(consensus.Difficulty(tip.Bits)), Progress: n.progress(tip), DBCache: quarter, TipCache: 3 * quarter,
	}
}

// progress estimates which part of all transactions is verified at a block.
func (n *Node) progress(at *chain.BlockNode) rpc.Float {
	now := n.Now()
	since := n.Tree.View().Since(at, now, n.Params.Spacing)
	return rpc.Float(n.Params.TxRate.Progress(n.Tree.Info(at).ChainTx, since, now))
}
