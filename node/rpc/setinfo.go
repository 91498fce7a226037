package rpc

import (
	"context"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/index"
)

type txOutSetInfo struct {
	Height     int32      `json:"height"`
	BestBlock  string     `json:"bestblock"`
	TxOuts     int64      `json:"txouts"`
	BogoSize   int64      `json:"bogosize"`
	Serialized string     `json:"hash_serialized_3,omitempty"`
	MuHash     string     `json:"muhash,omitempty"`
	Total      rpc.Amount `json:"total_amount"`

	// Without the index.
	Transactions *int64 `json:"transactions,omitempty"`
	DiskSize     *int64 `json:"disk_size,omitempty"`

	// With it.
	Unspendable *rpc.Amount   `json:"total_unspendable_amount,omitempty"`
	Block       *blockAmounts `json:"block_info,omitempty"`
}

type blockAmounts struct {
	Spent        rpc.Amount   `json:"prevout_spent"`
	Coinbase     rpc.Amount   `json:"coinbase"`
	Created      rpc.Amount   `json:"new_outputs_ex_coinbase"`
	Unspendable  rpc.Amount   `json:"unspendable"`
	Unspendables unspendables `json:"unspendables"`
}

type unspendables struct {
	Genesis   rpc.Amount `json:"genesis_block"`
	BIP30     rpc.Amount `json:"bip30"`
	Scripts   rpc.Amount `json:"scripts"`
	Unclaimed rpc.Amount `json:"unclaimed_rewards"`
}

// setInfoRequest is what gettxoutsetinfo is asked for.
type setInfoRequest struct {
	hashType coins.HashType
	at       *chain.BlockNode // nil for the tip
	useIndex bool             // if there is one
}

func (n *utxoQueries) getTxOutSetInfo(ctx context.Context, call *rpc.Call) (any, error) {
	req, err := n.setInfoRequest(call)
	if err != nil {
		return nil, err
	}
	if n.Indexes.CoinStats != nil && req.useIndex {
		ready, err := n.Indexes.Await(ctx, n.Indexes.CoinStats)
		if err != nil {
			return nil, err
		}
		if height := n.Indexes.CoinStats.Height(); !ready && req.at != nil && req.at.Height > height {
			return nil, rpc.Errorf(rpc.InternalError, "Unable to get data because coinstatsindex is still syncing. Current height: %d", max(height, 0))
		}
		if req.hashType != coins.HashSerialized3 {
			return n.indexedSetInfo(req)
		}
	}
	return n.countedSetInfo(ctx, req.hashType)
}

func (n *utxoQueries) setInfoRequest(call *rpc.Call) (req setInfoRequest, err error) {
	text, err := call.Text(0, string(coins.HashSerialized3))
	if err != nil {
		return req, err
	}
	req.hashType = coins.HashType(text)
	switch req.hashType {
	case coins.HashSerialized3, coins.HashMuHash, coins.HashNone:
	default:
		return req, rpc.Errorf(rpc.InvalidParameter, "'%s' is not a valid hash_type", text)
	}
	if req.useIndex, err = call.Bool(2, true); err != nil || !call.Has(1) {
		return req, err
	}
	switch {
	case n.Indexes.CoinStats == nil:
		return req, rpc.Errorf(rpc.InvalidParameter, "Querying specific block heights requires coinstatsindex")
	case req.hashType == coins.HashSerialized3:
		return req, rpc.Errorf(rpc.InvalidParameter, "hash_serialized_3 hash type cannot be queried for a specific block")
	case !req.useIndex:
		return req, rpc.Errorf(rpc.InvalidParameter, "Cannot set use_index to false when querying for a specific block")
	}
	req.at, err = n.blockOrHeight(call, 1)
	return req, err
}

// countedSetInfo walks over all coins.
func (n *utxoQueries) countedSetInfo(ctx context.Context, hashType coins.HashType) (any, error) {
	snapshot, at, err := n.Sets.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snapshot.Close()
	stats, err := coins.ReadStats(snapshot, hashType, func() error { return context.Cause(ctx) })
	if err != nil {
		return nil, err
	}
	info := txOutSetInfo{
		Height: at.Height, BestBlock: at.Hash.String(), TxOuts: stats.Outputs, BogoSize: stats.BogoSize,
		Total: rpc.Amount(stats.Amount), Transactions: &stats.Transactions, DiskSize: &stats.DiskSize,
	}
	switch hashType {
	case coins.HashSerialized3:
		info.Serialized = stats.Hash.String()
	case coins.HashMuHash:
		info.MuHash = stats.Hash.String()
	}
	return info, nil
}

func (n *utxoQueries) indexedSetInfo(req setInfoRequest) (any, error) {
	at := req.at
	if at == nil {
		at = n.Tree.View().Tip()
	}
	stats, err := n.Indexes.CoinStats.Get(at)
	if err != nil {
		return nil, err
	}
	if stats == nil {
		return nil, rpc.Errorf(rpc.InternalError, "Unable to read UTXO set")
	}
	info := txOutSetInfo{
		Height: at.Height, BestBlock: at.Hash.String(), TxOuts: stats.Outputs, BogoSize: stats.BogoSize,
		Total: rpc.Amount(stats.Amount), Unspendable: (*rpc.Amount)(&stats.Unspendable), Block: showAmounts(&stats.Block),
	}
	if req.hashType == coins.HashMuHash {
		info.MuHash = stats.MuHash.String()
	}
	return info, nil
}

func showAmounts(a *index.BlockAmounts) *blockAmounts {
	return &blockAmounts{
		Spent: rpc.Amount(a.Spent), Coinbase: rpc.Amount(a.Coinbase), Created: rpc.Amount(a.Created),
		Unspendable: rpc.Amount(a.Unspendable()),
		Unspendables: unspendables{
			Genesis: rpc.Amount(a.Genesis), BIP30: rpc.Amount(a.BIP30),
			Scripts: rpc.Amount(a.Scripts), Unclaimed: rpc.Amount(a.Unclaimed),
		},
	}
}
