package rpc

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"math/big"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

func (n *miner) table() rpc.Table {
	return slices.Concat(n.miningCommands(), n.templateCommands(), n.generateCommands())
}

func (n *miner) miningCommands() rpc.Table {
	return rpc.Table{
		{
			Name: "getmininginfo", Returns: miningInfo{}, Category: "Mining", Run: n.getMiningInfo,
			Summary: "Returns a json object containing mining-related information.",
		},
		{
			Name: "getnetworkhashps", Returns: rpc.Float(0), Category: "Mining", Run: n.getNetworkHashPS,
			Summary: "Returns the estimated network hashes per second based on the last n blocks.",
			Params: []rpc.Param{
				{Name: "nblocks", Type: rpc.Number, Optional: true, Default: "120", Help: "The number of previous blocks to calculate estimate from, or -1 for blocks since last difficulty change."},
				{Name: "height", Type: rpc.Number, Optional: true, Default: "-1", Help: "To estimate at the time of the given height."},
			},
		},
		{
			Name: "submitblock", Returns: rpc.Alternatives{rpc.Null{}, ""}, Category: "Mining", Run: n.submitBlockRPC,
			Summary: "Attempts to submit new block to network.\nSee https://en.bitcoin.it/wiki/BIP_0022 for full specification.",
			Params: []rpc.Param{
				{Name: "hexdata", Type: rpc.String, Form: rpc.Hex, Help: "the hex-encoded block data to submit"},
				{Name: "dummy", Type: rpc.String, Placeholder: true, Optional: true, Default: "ignored", Help: "dummy value, for compatibility with BIP22. This value is ignored."},
			},
		},
		{
			Name: "submitheader", Returns: rpc.Null{}, Category: "Mining", Run: n.submitHeader, Result: "null",
			Summary: "Decode the given hexdata as a header and submit it as a candidate chain tip if valid.\nThrows when the header is invalid.",
			Params:  []rpc.Param{{Name: "hexdata", Type: rpc.String, Form: rpc.Hex, Help: "the hex-encoded block header data"}},
		},
	}
}

type miningInfo struct {
	Blocks int32 `json:"blocks"`
	*built
	Bits          string     `json:"bits"`
	Difficulty    rpc.Float  `json:"difficulty"`
	Target        string     `json:"target"`
	NetworkHashPS rpc.Float  `json:"networkhashps"`
	Pooled        int        `json:"pooledtx"`
	BlockMinFee   rpc.Amount `json:"blockmintxfee"`
	Chain         string     `json:"chain"`
	Next          nextBlock  `json:"next"`
	Challenge     string     `json:"signet_challenge,omitempty"`
	Warnings      any        `json:"warnings"`
}

type nextBlock struct {
	Height     int32     `json:"height"`
	Bits       string    `json:"bits"`
	Difficulty rpc.Float `json:"difficulty"`
	Target     string    `json:"target"`
}

func (n *miner) getMiningInfo(context.Context, *rpc.Call) (any, error) {
	tip := n.Tree.View().Tip()
	next := chain.NextBits(tip, max(n.Now(), tip.MedianTime()+1), n.Params)
	return miningInfo{
		Blocks: tip.Height, built: n.built.Load(), Bits: bitsText(tip.Bits), Difficulty: rpc.Float(consensus.Difficulty(tip.Bits)), Target: targetText(tip.Bits),
		NetworkHashPS: rpc.Float(hashRate(tip, 120, n.Params)), Pooled: n.Mempool.Figures().Count, BlockMinFee: rpc.Amount(n.Settings.Mining.MinRate),
		Chain: n.Settings.Chain, Next: nextBlock{tip.Height + 1, bitsText(next), rpc.Float(consensus.Difficulty(next)), targetText(next)},
		Challenge: hex.EncodeToString(n.Params.SignetChallenge), Warnings: rpc.Warnings(n.Warnings(), n.Settings.deprecated("warnings")),
	}, nil
}

func (n *miner) getNetworkHashPS(_ context.Context, call *rpc.Call) (any, error) {
	count, err := call.Int(0, 120)
	if err != nil {
		return nil, err
	}
	height, err := call.Int(1, -1)
	if err != nil {
		return nil, err
	}
	if count < -1 || count == 0 {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid nblocks. Must be a positive number or -1.")
	}
	view := n.Tree.View()
	at := view.Tip()
	if height < -1 || height > int(view.Height()) {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Block does not exist at specified height")
	}
	if height >= 0 {
		at = view.At(int32(height))
	}
	return rpc.Float(hashRate(at, int32(count), n.Params)), nil
}

// hashRate estimates hashes a second from the last count blocks, or from
// those since the difficulty last changed if count is -1.
func hashRate(at *chain.BlockNode, count int32, p *consensus.Params) float64 {
	if at.Height == 0 {
		return 0
	}
	if count < 0 {
		count = at.Height%p.Interval + 1
	}
	count = min(count, at.Height)
	earliest, latest := at.Time, at.Time
	from := at
	for range count {
		from = from.Parent
		earliest, latest = min(earliest, from.Time), max(latest, from.Time)
	}
	if earliest == latest {
		return 0
	}
	work, _ := new(big.Float).SetInt(at.Work.Sub(from.Work).Big()).Float64()
	return work / float64(latest-earliest)
}

func (n *miner) submitBlockRPC(ctx context.Context, call *rpc.Call) (any, error) {
	text, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, rpc.Errorf(rpc.DeserializationErr, "Block decode failed")
	}
	block, _, err := consensus.TakeBlock(raw)
	if err != nil {
		return nil, rpc.Errorf(rpc.DeserializationErr, "Block decode failed")
	}
	at := n.Tree.Lookup(block.Hash)
	verified := at != nil && n.Tree.Info(at).ValidScripts // and pruned, if it is new
	verdict, err := n.Owner.ProcessOwnBlock(ctx, n.completed(block))
	switch {
	case err != nil:
		return nil, err
	case verdict.Reject != nil:
		return verdict.Reject.Reason, nil
	case !verdict.New:
		return "duplicate", nil
	case verified || !n.Tree.Info(verdict.At).ValidScripts:
		return "inconclusive", nil
	}
	return nil, nil
}

// completed adds the witness of the coinbase, which miners may leave out.
func (n *miner) completed(block *consensus.Block) *consensus.Block {
	parent := n.Tree.Lookup(block.Header.PrevBlock)
	if parent == nil || parent.Height+1 < n.Params.SegwitHeight || len(block.Txs) == 0 ||
		!block.Txs[0].IsCoinbase() || block.Txs[0].HasWitness() || consensus.CommitmentIndex(block.Txs[0]) < 0 {
		return block
	}
	coinbase := block.Txs[0].Copy()
	coinbase.TxIn[0].Witness = wire.TxWitness{make([]byte, 32)}
	return consensus.NewBlock(block.Header, append([]*consensus.Tx{consensus.NewTx(coinbase)}, block.Txs[1:]...))
}

func (n *miner) submitHeader(ctx context.Context, call *rpc.Call) (any, error) {
	text, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(text)
	var header wire.BlockHeader
	if err != nil || len(raw) < wire.MaxBlockHeaderPayload || header.Deserialize(bytes.NewReader(raw)) != nil {
		return nil, rpc.Errorf(rpc.DeserializationErr, "Block header decode failed")
	}
	if n.Tree.Lookup(header.PrevBlock) == nil {
		return nil, rpc.Errorf(rpc.VerifyError, "Must submit previous header (%s) first", header.PrevBlock)
	}
	return nil, n.Owner.Do(ctx, func(s *chainstate.State) error {
		_, _, err := s.Chain.AcceptHeaders([]wire.BlockHeader{header}, s.Now())
		var reject *consensus.Reject
		if errors.As(err, &reject) {
			return rpc.Errorf(rpc.VerifyError, "%s", reject.Reason)
		}
		return err
	})
}
