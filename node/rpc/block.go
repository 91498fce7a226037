package rpc

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/render"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

func (n blockQueries) table() rpc.Table {
	return slices.Concat(n.blockCommands(), n.blockStatsCommands(), n.chainTxCommands(), n.deploymentCommands())
}

func (n blockQueries) blockCommands() rpc.Table {
	return rpc.Table{
		{
			Name: "getblock", Examples: []string{`["000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"]`, `["000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f", 2]`}, Returns: rpc.Alternatives{rpc.Hex, blockInfo{}}, Category: "Blockchain", Run: n.getBlockRPC,
			Summary: "If verbosity is 0, returns a string that is serialized, hex-encoded data for block 'hash'.\n" +
				"If verbosity is 1, returns an Object with information about block <hash>.\n" +
				"If verbosity is 2, returns an Object with information about block <hash> and information about each transaction.\n" +
				"If verbosity is 3, returns an Object with information about block <hash> and information about each transaction, including prevout information for inputs.",
			Params: []rpc.Param{
				blockHashParam("The block hash"),
				{Name: "verbosity|verbose", Optional: true, Default: "1", Help: "0 for hex-encoded data, 1 for a JSON object, 2 for JSON object with transaction data, and 3 for JSON object with transaction data including prevout information for inputs"},
			},
		},
		{
			Name: "getblockheader", Examples: []string{`["000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"]`}, Returns: rpc.Alternatives{headerInfo{}, rpc.Hex}, Category: "Blockchain", Run: n.getBlockHeader,
			Summary: "If verbose is false, returns a string that is serialized, hex-encoded data for blockheader 'hash'.\n" +
				"If verbose is true, returns an Object with information about blockheader <hash>.",
			Params: []rpc.Param{
				blockHashParam("The block hash"),
				{Name: "verbose", Type: rpc.Bool, Optional: true, Default: "true", Help: "true for a json object, false for the hex-encoded data"},
			},
		},
	}
}

// headerInfo is what getblockheader shows, and getblock first.
type headerInfo struct {
	Hash          string    `json:"hash"`
	Confirmations int32     `json:"confirmations"`
	Height        int32     `json:"height"`
	Version       int32     `json:"version"`
	VersionHex    string    `json:"versionHex"`
	MerkleRoot    string    `json:"merkleroot"`
	Time          int64     `json:"time"`
	MedianTime    int64     `json:"mediantime"`
	Nonce         uint32    `json:"nonce"`
	Bits          string    `json:"bits"`
	Target        string    `json:"target"`
	Difficulty    rpc.Float `json:"difficulty"`
	ChainWork     string    `json:"chainwork"`
	TxCount       int32     `json:"nTx"`
	Previous      string    `json:"previousblockhash,omitempty"`
	Next          string    `json:"nextblockhash,omitempty"`
}

func (n blockQueries) headerInfo(view *chain.View, at *chain.BlockNode) headerInfo {
	info := headerInfo{
		Hash: at.Hash.String(), Confirmations: confirmations(view, at), Height: at.Height, Version: at.Version,
		VersionHex: fmt.Sprintf("%08x", uint32(at.Version)), MerkleRoot: at.MerkleRoot.String(), Time: at.Time,
		MedianTime: at.MedianTime(), Nonce: at.Nonce, Bits: bitsText(at.Bits), Target: targetText(at.Bits),
		Difficulty: rpc.Float(consensus.Difficulty(at.Bits)), ChainWork: at.Work.Hex(), TxCount: n.Tree.Info(at).TxCount,
	}
	if at.Parent != nil {
		info.Previous = at.Parent.Hash.String()
	}
	if next := view.Next(at); next != nil {
		info.Next = next.Hash.String()
	}
	return info
}

func (n blockQueries) getBlockHeader(_ context.Context, call *rpc.Call) (any, error) {
	at, err := n.block(call, 0)
	if err != nil {
		return nil, err
	}
	verbose, err := call.Bool(1, true)
	if err != nil {
		return nil, err
	}
	if !verbose {
		return hex.EncodeToString(at.AppendHeader(nil)), nil
	}
	return n.headerInfo(n.Tree.View(), at), nil
}

// blockInfo is what getblock shows.
type blockInfo struct {
	headerInfo
	StrippedSize int          `json:"strippedsize"`
	Size         int          `json:"size"`
	Weight       int          `json:"weight"`
	Coinbase     coinbaseInfo `json:"coinbase_tx"`
	Txs          any          `json:"tx"`
}

type coinbaseInfo struct {
	Version  uint32 `json:"version"`
	LockTime uint32 `json:"locktime"`
	Sequence uint32 `json:"sequence"`
	Coinbase string `json:"coinbase"`
	Witness  string `json:"witness,omitempty"`
}

// How much getblock shows.
const (
	showTxids    = 1
	showTxs      = 2
	showPrevouts = 3
)

func (n blockQueries) getBlockRPC(_ context.Context, call *rpc.Call) (any, error) {
	at, err := n.block(call, 0)
	if err != nil {
		return nil, err
	}
	level, err := verbosity(call, 1, showTxids)
	if err != nil {
		return nil, err
	}
	block, err := n.blockData(at)
	if err != nil {
		return nil, err
	}
	if level < showTxids {
		return hex.EncodeToString(block.Raw), nil
	}
	info := blockInfo{
		headerInfo: n.headerInfo(n.Tree.View(), at), StrippedSize: block.StrippedSize(), Size: len(block.Raw),
		Weight: block.Weight(), Coinbase: newCoinbaseInfo(block.Txs[0]),
	}
	info.Txs, err = n.blockTxs(at, block, level)
	return info, err
}

func newCoinbaseInfo(tx *consensus.Tx) coinbaseInfo {
	in := tx.TxIn[0]
	info := coinbaseInfo{
		Version: uint32(tx.Version), LockTime: tx.LockTime, Sequence: in.Sequence,
		Coinbase: hex.EncodeToString(in.SignatureScript),
	}
	if len(in.Witness) > 0 {
		info.Witness = hex.EncodeToString(in.Witness[0])
	}
	return info
}

func (n blockQueries) blockTxs(at *chain.BlockNode, block *consensus.Block, level int) (any, error) {
	if level == showTxids {
		txids := make([]string, len(block.Txs))
		for i, tx := range block.Txs {
			txids[i] = tx.ID.String()
		}
		return txids, nil
	}
	var undo coins.Undo
	if n.Tree.Info(at).HaveUndo {
		var err error
		if undo, err = n.undoData(at, errUndoExpected); err != nil {
			return nil, err
		}
	}
	txs := make([]render.Tx, len(block.Txs))
	for i, tx := range block.Txs {
		var spent []coins.Coin
		if i > 0 && i <= len(undo) {
			spent = undo[i-1]
		}
		txs[i] = render.NewTx(shownTx(tx), n.Params.Params, true, shownCoins(spent), level >= showPrevouts)
	}
	return txs, nil
}
