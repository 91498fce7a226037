package rpc

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mining"
)

func (n *miner) templateCommands() rpc.Table {
	return rpc.Table{{
		Name: "getblocktemplate", Returns: rpc.Alternatives{blockTemplate{}, "", rpc.Null{}}, Category: "Mining", Run: n.getBlockTemplate,
		Summary: "If the request parameters include a 'mode' key, that is used to explicitly select between the default 'template' request or a 'proposal'.\n" +
			"It returns data needed to construct a block to work on.\n" +
			"For full specification, see BIPs 22, 23, 9, and 145.",
		Params: []rpc.Param{{Name: "template_request", Type: rpc.Object, Inner: templateParams(), Help: "Format of the template"}},
	}}
}

type templateRequest struct {
	Mode       *string  `json:"mode"`
	Rules      []string `json:"rules"`
	Data       *string  `json:"data"`
	LongPollID *string  `json:"longpollid"`
}

type blockTemplate struct {
	Capabilities      []string        `json:"capabilities"`
	Version           int32           `json:"version"`
	Rules             []string        `json:"rules"`
	Available         map[string]uint `json:"vbavailable"`
	Required          int             `json:"vbrequired"`
	Previous          string          `json:"previousblockhash"`
	Transactions      []templateTx    `json:"transactions"`
	CoinbaseAux       struct{}        `json:"coinbaseaux"`
	CoinbaseValue     int64           `json:"coinbasevalue"`
	LongPollID        string          `json:"longpollid"`
	Target            string          `json:"target"`
	MinTime           int64           `json:"mintime"`
	Mutable           []string        `json:"mutable"`
	NonceRange        string          `json:"noncerange"`
	SigOpLimit        int             `json:"sigoplimit"`
	SizeLimit         int             `json:"sizelimit"`
	WeightLimit       int             `json:"weightlimit,omitempty"`
	Time              int64           `json:"curtime"`
	Bits              string          `json:"bits"`
	Height            int32           `json:"height"`
	SignetChallenge   string          `json:"signet_challenge,omitempty"`
	WitnessCommitment string          `json:"default_witness_commitment"`
}

type templateTx struct {
	Data    string `json:"data"`
	TxID    string `json:"txid"`
	Hash    string `json:"hash"`
	Depends []int  `json:"depends"`
	Fee     int64  `json:"fee"`
	SigOps  int    `json:"sigops"`
	Weight  int    `json:"weight"`
}

func (n *miner) getBlockTemplate(ctx context.Context, call *rpc.Call) (any, error) {
	var request templateRequest
	if err := call.Decode(0, &request); err != nil {
		return nil, err
	}
	if request.Mode != nil && *request.Mode == "proposal" {
		return n.checkProposal(ctx, request)
	}
	if request.Mode != nil && *request.Mode != "template" {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid mode")
	}
	if err := n.awaitLongPoll(ctx, request.LongPollID); err != nil {
		return nil, err
	}
	if n.Params.SignetChallenge != nil && !slices.Contains(request.Rules, "signet") {
		return nil, rpc.Errorf(rpc.InvalidParameter, `getblocktemplate must be called with the signet rule set (call with {"rules": ["segwit", "signet"]})`)
	}
	if !slices.Contains(request.Rules, "segwit") {
		return nil, rpc.Errorf(rpc.InvalidParameter, `getblocktemplate must be called with the segwit rule set (call with {"rules": ["segwit"]})`)
	}
	if n.Tree.View().Initial && n.Settings.Chain == chains.Main {
		return nil, rpc.Errorf(rpc.InInitialDownload, "Bulkhead is in initial sync and waiting for blocks...")
	}
	var t template
	var id string
	err := n.Owner.Do(ctx, func(s *chainstate.State) error {
		t = n.assemble(s, []byte{txscript.OP_TRUE})
		id = n.longPollID(t.parent.Hash.String())
		return nil
	})
	if err != nil {
		return nil, err
	}
	described := n.describeTemplate(t)
	described.LongPollID = id
	return described, nil
}

// longPollPatience is after how long a waiting miner gets a template for its other
// transactions alone, though the tip has not changed; longPollAgain is how often they
// are looked for from then on. The mempool of a busy node changes all the time.
const (
	longPollPatience = time.Minute
	longPollAgain    = 10 * time.Second
)

// awaitLongPoll waits until the tip is not that of an earlier template, or, with
// patience, until its transactions are others (BIP22).
func (n *miner) awaitLongPoll(ctx context.Context, id *string) error {
	if id == nil {
		return nil
	}
	const hashText = 64
	watched := (*id)[:min(len(*id), hashText)]
	if _, err := rpc.ParseHash(watched, "longpollid"); err != nil {
		return err
	}
	timer := time.NewTimer(longPollPatience)
	defer timer.Stop()
	for {
		_, changed := n.Tips.Next()
		if n.Tree.View().Tip().Hash.String() != watched {
			return nil
		}
		select {
		case <-changed:
		case <-n.Tips.Ended():
			return errShuttingDown
		case <-timer.C:
			if n.longPollID(watched) != *id {
				return nil
			}
			timer.Reset(longPollAgain)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// longPollID names the templates upon a tip that are of the mempool as it is.
func (n *miner) longPollID(tip string) string {
	return fmt.Sprintf("%s%d", tip, n.Mempool.Figures().Sequence)
}

func (n *miner) checkProposal(ctx context.Context, request templateRequest) (any, error) {
	if request.Data == nil {
		return nil, rpc.Errorf(rpc.TypeError, "Missing data String key for proposal")
	}
	raw, err := hex.DecodeString(*request.Data)
	if err != nil {
		return nil, rpc.Errorf(rpc.DeserializationErr, "Block decode failed")
	}
	block, _, err := consensus.TakeBlock(raw)
	if err != nil {
		return nil, rpc.Errorf(rpc.DeserializationErr, "Block decode failed")
	}
	if at := n.Tree.Lookup(block.Hash); at != nil {
		switch info := n.Tree.Info(at); {
		case info.ValidScripts:
			return "duplicate", nil
		case info.Failed:
			return "duplicate-invalid", nil
		}
		return "duplicate-inconclusive", nil
	}
	err = n.Owner.Do(ctx, func(s *chainstate.State) error { return s.Chain.TestBlock(block, s.Now()) })
	var reject *consensus.Reject
	if errors.As(err, &reject) {
		return reject.Reason, nil
	}
	return nil, err
}

func (n *miner) describeTemplate(t template) blockTemplate {
	header := t.block.Header
	height := t.parent.Height + 1
	segwit := height >= n.Params.SegwitHeight
	result := blockTemplate{
		Capabilities: []string{"proposal"}, Version: header.Version, Rules: []string{"csv"}, Available: map[string]uint{},
		Previous: t.parent.Hash.String(), CoinbaseValue: t.block.Txs[0].TxOut[0].Value,
		Target: targetText(header.Bits), MinTime: mining.EarliestTime(n.Params, height, t.parent.MedianTime(), t.parent.Time),
		Mutable: []string{"time", "transactions", "prevblock"}, NonceRange: "00000000ffffffff",
		SigOpLimit: consensus.MaxBlockSigOpsCost / consensus.WitnessScale, SizeLimit: 1_000_000,
		Time: header.Timestamp.Unix(), Bits: bitsText(header.Bits), Height: height,
		SignetChallenge: hex.EncodeToString(n.Params.SignetChallenge), Transactions: n.templateTxs(t, segwit),
		WitnessCommitment: hex.EncodeToString(t.block.Txs[0].TxOut[1].PkScript),
	}
	if segwit {
		result.Rules = append(result.Rules, "!segwit", "taproot")
		result.SigOpLimit, result.SizeLimit, result.WeightLimit = consensus.MaxBlockSigOpsCost, consensus.MaxBlockWeight, consensus.MaxBlockWeight
	}
	if n.Params.SignetChallenge != nil {
		result.Rules = append(result.Rules, "!signet")
	}
	switch chain.DeploymentState(t.parent, n.Params.TestDummy) {
	case chain.Started, chain.LockedIn:
		result.Available["testdummy"] = n.Params.TestDummy.Bit
	case chain.Active:
		result.Rules = append(result.Rules, "testdummy")
	}
	return result
}

func (n *miner) templateTxs(t template, segwit bool) []templateTx {
	txs := make([]templateTx, 0, len(t.block.Txs)-1)
	position := map[string]int{}
	for i, tx := range t.block.Txs {
		position[tx.ID.String()] = i
		if i == 0 {
			continue
		}
		shown := templateTx{
			Data: hex.EncodeToString(tx.Raw()), TxID: tx.ID.String(), Hash: tx.WitnessID.String(), Depends: []int{}, Weight: tx.Weight(),
			Fee: t.chosen[i-1].Fee, SigOps: t.chosen[i-1].SigOps,
		}
		if !segwit {
			shown.SigOps /= consensus.WitnessScale
		}
		for _, in := range tx.TxIn {
			if at, within := position[in.PreviousOutPoint.Hash.String()]; within {
				shown.Depends = append(shown.Depends, at)
			}
		}
		txs = append(txs, shown)
	}
	return txs
}
