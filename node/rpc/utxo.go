package rpc

import (
	"context"
	"encoding/hex"
	"errors"
	"math"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/render"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/coins"
)

func (n *utxoQueries) table() rpc.Table {
	return append(slices.Concat(n.utxoCommands(), n.proofCommands()), n.activityCommand())
}

func (n *utxoQueries) utxoCommands() rpc.Table {
	return rpc.Table{
		{
			Name: "gettxout", Examples: []string{`["4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b", 0]`}, Returns: rpc.Alternatives{rpc.Null{}, txOut{}}, Category: "Blockchain", Run: n.getTxOut,
			Summary: "Returns details about an unspent transaction output.",
			Params: []rpc.Param{
				txidParam("The transaction id"),
				{Name: "n", Type: rpc.Number, Help: "vout number"},
				{Name: "include_mempool", Type: rpc.Bool, Optional: true, Default: "true", Help: "Whether to include the mempool. Note that an unspent output that is spent in the mempool won't appear."},
			},
		},
		{
			Name: "gettxoutsetinfo", Returns: txOutSetInfo{}, Category: "Blockchain", Run: n.getTxOutSetInfo,
			Summary: "Returns statistics about the unspent transaction output set.\nNote this call may take some time.",
			Params: []rpc.Param{
				{Name: "hash_type", Type: rpc.String, Optional: true, Default: `"hash_serialized_3"`, Help: "Which UTXO set hash should be calculated. Options: 'hash_serialized_3', 'muhash', 'none'."},
				{Name: "hash_or_height", Form: rpc.HeightOrHash, Word: rpc.Either, Optional: true, Default: "the current best block", Help: "The block hash or height of the target height (only available with coinstatsindex)."},
				{Name: "use_index", Type: rpc.Bool, Optional: true, Default: "true", Help: "Use coinstatsindex, if available."},
			},
		},
		{
			Name: "scantxoutset", Examples: []string{`["start", ["addr(1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa)"]]`}, Returns: rpc.Alternatives{rpc.Null{}, map[string]int{}, scanResult{}, false}, Category: "Blockchain", Run: n.scanTxOutSet,
			Summary: "Scans the unspent transaction output set for entries that match certain output descriptors.",
			Params: []rpc.Param{
				{Name: "action", Type: rpc.String, Help: `The action to execute: "start" for starting a scan, "abort" for aborting the current scan, "status" for progress report (in %) of the current scan`},
				{Name: "scanobjects", Type: rpc.Array, Inner: scanObjects, Short: "[scanobjects,...]", Optional: true, Help: "Array of scan objects. Required for \"start\" action. Every scan object is either a string descriptor or an object."},
			},
		},
	}
}

type txOut struct {
	BestBlock     string        `json:"bestblock"`
	Confirmations int32         `json:"confirmations"`
	Value         rpc.Amount    `json:"value"`
	Script        render.Script `json:"scriptPubKey"`
	Coinbase      bool          `json:"coinbase"`
}

func (n *utxoQueries) getTxOut(ctx context.Context, call *rpc.Call) (any, error) {
	txid, err := call.Hash(0)
	if err != nil {
		return nil, err
	}
	index, err := call.Int64(1, 0)
	if err != nil {
		return nil, err
	}
	if index < 0 || index > math.MaxUint32 {
		return nil, rpc.Errorf(rpc.MiscError, "JSON integer out of range")
	}
	withMempool, err := call.Bool(2, true)
	if err != nil {
		return nil, err
	}
	var result any
	look := func() error {
		return n.Coins.ReadTip(func(s *chain.TipState) error {
			result, err = n.txOut(s, wire.OutPoint{Hash: txid, Index: uint32(index)}, withMempool)
			return err
		})
	}
	if err := look(); !errors.Is(err, chain.ErrFar) {
		return result, err
	}
	err = n.Owner.Do(ctx, func(*chainstate.State) error { return look() })
	return result, err
}

// txOut describes an output, nil if there is none.
func (n *utxoQueries) txOut(s *chain.TipState, op wire.OutPoint, withMempool bool) (any, error) {
	result := txOut{BestBlock: s.Tip().Hash.String()}
	if withMempool && n.Mempool.Spender(op) != nil {
		return nil, nil
	}
	if entry := n.Mempool.Get(op.Hash); withMempool && entry != nil {
		if int64(op.Index) >= int64(len(entry.Tx.TxOut)) {
			return nil, nil
		}
		out := entry.Tx.TxOut[op.Index]
		result.Value, result.Script = rpc.Amount(out.Value), render.NewScript(out.PkScript, n.Params.Params)
		return result, nil
	}
	coin, there, err := s.Coin(op)
	if err != nil || !there {
		return nil, err
	}
	result.Confirmations = s.Height() - coin.Height + 1
	result.Value, result.Script = rpc.Amount(coin.Value), render.NewScript(coin.Script, n.Params.Params)
	result.Coinbase = coin.Coinbase
	return result, nil
}

func (n *utxoQueries) scanTxOutSet(ctx context.Context, call *rpc.Call) (any, error) {
	action, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	switch action {
	case "status":
		if progress, running := n.scan.status(); running {
			return map[string]int{"progress": progress}, nil
		}
		return nil, nil
	case "abort":
		return n.scan.cancel(), nil
	case "start":
		if !n.scan.begin() {
			return nil, rpc.Errorf(rpc.InvalidParameter, `Scan already in progress, use action "abort" or "status"`)
		}
		defer n.scan.end()
		return n.startScan(ctx, call)
	}
	return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid action '%s'", action)
}

type scanResult struct {
	Success   bool       `json:"success"`
	TxOuts    int64      `json:"txouts"`
	Height    int32      `json:"height"`
	BestBlock string     `json:"bestblock"`
	Unspents  []unspent  `json:"unspents"`
	Total     rpc.Amount `json:"total_amount"`
}

type unspent struct {
	TxID          string     `json:"txid"`
	Vout          uint32     `json:"vout"`
	Script        string     `json:"scriptPubKey"`
	Desc          string     `json:"desc"`
	Amount        rpc.Amount `json:"amount"`
	Coinbase      bool       `json:"coinbase"`
	Height        int32      `json:"height"`
	BlockHash     string     `json:"blockhash"`
	Confirmations int32      `json:"confirmations"`
}

func (n *utxoQueries) startScan(ctx context.Context, call *rpc.Call) (any, error) {
	if !call.Has(1) {
		return nil, rpc.Errorf(rpc.MiscError, "scanobjects argument is required for the start action")
	}
	wanted, err := n.scanObjects(call)
	if err != nil {
		return nil, err
	}
	snapshot, at, err := n.Sets.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snapshot.Close()
	result := scanResult{Success: true, Height: at.Height, BestBlock: at.Hash.String(), Unspents: []unspent{}}
	err = coins.EachCoin(snapshot, func(op wire.OutPoint, coin coins.Coin, _ int) error {
		if result.TxOuts++; result.TxOuts%8192 == 0 {
			// Coins come ordered by their hashes, which are evenly spread.
			progress := int(op.Hash[0]) * 100 / 256
			if err := errors.Join(n.scan.step(progress), context.Cause(ctx)); err != nil {
				return err
			}
		}
		desc, ok := wanted[string(coin.Script)]
		if !ok {
			return nil
		}
		result.Total += rpc.Amount(coin.Value)
		result.Unspents = append(result.Unspents, unspent{
			TxID: op.Hash.String(), Vout: op.Index, Script: hex.EncodeToString(coin.Script),
			Desc: desc, Amount: rpc.Amount(coin.Value), Coinbase: coin.Coinbase,
			Height: coin.Height, BlockHash: at.Ancestor(coin.Height).Hash.String(), Confirmations: at.Height - coin.Height + 1,
		})
		return nil
	})
	if errors.Is(err, errAborted) {
		result.Success = false
		err = nil
	}
	return result, err
}
