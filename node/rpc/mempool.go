package rpc

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

func (n mempoolQueries) table() rpc.Table {
	return slices.Concat(n.mempoolCommands(), n.clusterCommands(), n.spenderCommands(), n.orphanCommands(), n.fileCommands())
}

func (n mempoolQueries) mempoolCommands() rpc.Table {
	verbose := func(help string) rpc.Param {
		return rpc.Param{Name: "verbose", Type: rpc.Bool, Optional: true, Default: "false", Help: help}
	}
	const either = "True for a json object, false for array of transaction ids"
	inMempool := txidParam("The transaction id (must be in mempool)")
	return rpc.Table{
		{
			Name: "getmempoolinfo", Returns: mempoolInfo{}, Category: "Blockchain", Run: n.getMempoolInfo,
			Summary: "Returns details on the active state of the TX memory pool.",
		},
		{
			Name: "getrawmempool", Returns: rpc.Alternatives{[]string{}, map[string]mempoolEntry{}, txidsAndSequence{}}, Category: "Blockchain", Run: n.getRawMempool,
			Summary: "Returns all transaction ids in memory pool as a json array of string transaction ids.\n\nHint: use getmempoolentry to fetch a specific transaction from the mempool.",
			Params: []rpc.Param{
				verbose(either),
				{Name: "mempool_sequence", Type: rpc.Bool, Optional: true, Default: "false", Help: "If verbose=false, returns a json object with transaction list and mempool sequence number attached."},
			},
		},
		{
			Name: "getmempoolentry", Returns: mempoolEntry{}, Category: "Blockchain", Params: []rpc.Param{inMempool}, Run: n.getMempoolEntry,
			Summary: "Returns mempool data for given transaction",
		},
		{
			Name: "getmempoolancestors", Returns: rpc.Alternatives{[]string{}, map[string]mempoolEntry{}}, Category: "Blockchain", Params: []rpc.Param{inMempool, verbose(either)},
			Summary: "If txid is in the mempool, returns all in-mempool ancestors.",
			Run: func(_ context.Context, call *rpc.Call) (any, error) {
				return n.relatives(call, n.Mempool.Ancestors)
			},
		},
		{
			Name: "getmempooldescendants", Returns: rpc.Alternatives{[]string{}, map[string]mempoolEntry{}}, Category: "Blockchain", Params: []rpc.Param{inMempool, verbose(either)},
			Summary: "If txid is in the mempool, returns all in-mempool descendants.",
			Run: func(_ context.Context, call *rpc.Call) (any, error) {
				return n.relatives(call, n.Mempool.Descendants)
			},
		},
		{
			Name: "prioritisetransaction", Returns: true, Category: "Mining", Run: n.prioritise, Result: "true|false    (boolean) Returns true",
			Summary: "Accepts the transaction into mined blocks at a higher (or lower) priority",
			Params: []rpc.Param{
				txidParam("The transaction id."),
				{Name: "dummy", Type: rpc.Number, Placeholder: true, Optional: true, Help: "API-Compatibility for previous API. Must be zero or null."},
				{Name: "fee_delta", Type: rpc.Number, Help: "The fee value (in satoshis) to add (or subtract, if negative)."},
			},
		},
	}
}

type mempoolInfo struct {
	Loaded       bool       `json:"loaded"`
	Size         int        `json:"size"`
	Bytes        int64      `json:"bytes"`
	Usage        int64      `json:"usage"`
	TotalFee     rpc.Amount `json:"total_fee"`
	MaxMempool   int64      `json:"maxmempool"`
	MinFee       rpc.Amount `json:"mempoolminfee"`
	MinRelayFee  rpc.Amount `json:"minrelaytxfee"`
	Incremental  rpc.Amount `json:"incrementalrelayfee"`
	Unbroadcast  int        `json:"unbroadcastcount"`
	BareMultisig bool       `json:"permitbaremultisig"`
	DataCarrier  int        `json:"maxdatacarriersize"`
	ClusterCount int        `json:"limitclustercount"`
	ClusterSize  int64      `json:"limitclustersize"`
	Optimal      bool       `json:"optimal"`
	FullRBF      bool       `json:"fullrbf,omitempty"` // deprecated
}

func (n mempoolQueries) getMempoolInfo(context.Context, *rpc.Call) (any, error) {
	figures, policy := n.Mempool.Figures(), n.Policy
	return mempoolInfo{
		Loaded: n.Pools.Loaded(), Size: figures.Count, Bytes: figures.VSize, Usage: figures.Usage,
		TotalFee: rpc.Amount(figures.Fees), MaxMempool: policy.MaxBytes, MinFee: rpc.Amount(n.MinRate()),
		MinRelayFee: rpc.Amount(policy.MinRelay), Incremental: rpc.Amount(policy.Incremental),
		BareMultisig: policy.BareMultisig, DataCarrier: policy.DataCarrier,
		ClusterCount: policy.ClusterCount, ClusterSize: policy.ClusterVSize, Optimal: true, Unbroadcast: figures.Unheard,
		FullRBF: n.Settings.deprecated("fullrbf"),
	}, nil
}

type mempoolEntry struct {
	VSizeAdjusted   int64       `json:"vsize_adjusted"`
	VSize           int64       `json:"vsize"`
	VSizeBIP141     int         `json:"vsize_bip141"`
	Weight          int         `json:"weight"`
	Time            int64       `json:"time"`
	Height          int32       `json:"height"`
	DescendantCount int         `json:"descendantcount"`
	DescendantSize  int64       `json:"descendantsize"`
	AncestorCount   int         `json:"ancestorcount"`
	AncestorSize    int64       `json:"ancestorsize"`
	Wtxid           string      `json:"wtxid"`
	ChunkWeight     int64       `json:"chunkweight"`
	Fees            mempoolFees `json:"fees"`
	Depends         []string    `json:"depends"`
	SpentBy         []string    `json:"spentby"`
	Unbroadcast     bool        `json:"unbroadcast"`
	Replaceable     *bool       `json:"bip125-replaceable,omitempty"` // deprecated
}

type mempoolFees struct {
	Base       rpc.Amount `json:"base"`
	Modified   rpc.Amount `json:"modified"`
	Ancestor   rpc.Amount `json:"ancestor"`
	Descendant rpc.Amount `json:"descendant"`
	Chunk      rpc.Amount `json:"chunk"`
}

func (n mempoolQueries) newMempoolEntry(d mempool.Details) mempoolEntry {
	var replaceable *bool
	if n.Settings.deprecated("bip125") {
		replaceable = &d.Signals
	}
	return mempoolEntry{
		VSizeAdjusted: d.VSize, VSize: d.VSize, VSizeBIP141: virtualSize(d.Tx), Weight: d.Tx.Weight(), Time: d.Time, Height: d.Height,
		DescendantCount: d.DescendantCount, DescendantSize: d.DescendantVSize,
		AncestorCount: d.AncestorCount, AncestorSize: d.AncestorVSize, Wtxid: d.Tx.WitnessID.String(),
		ChunkWeight: d.ChunkWeight,
		Fees: mempoolFees{
			rpc.Amount(d.Fee), rpc.Amount(d.Modified), rpc.Amount(d.AncestorFees), rpc.Amount(d.DescendantFees), rpc.Amount(d.ChunkFee),
		},
		Depends: hashStrings(d.Parents), SpentBy: hashStrings(d.Children), Unbroadcast: d.Unheard,
		Replaceable: replaceable,
	}
}

func virtualSize(tx *consensus.Tx) int {
	return (tx.Weight() + consensus.WitnessScale - 1) / consensus.WitnessScale
}

type txidsAndSequence struct {
	Txids    []string `json:"txids"`
	Sequence uint64   `json:"mempool_sequence"`
}

func (n mempoolQueries) getRawMempool(_ context.Context, call *rpc.Call) (any, error) {
	verbose, err := call.Bool(0, false)
	if err != nil {
		return nil, err
	}
	withSequence, err := call.Bool(1, false)
	if err != nil {
		return nil, err
	}
	if verbose {
		if withSequence {
			return nil, rpc.Errorf(rpc.InvalidParameter, "Verbose results cannot contain mempool sequence values.")
		}
		all, _ := n.Mempool.All()
		return n.entriesByTxid(all), nil
	}
	entries, sequence := n.Mempool.Entries()
	txids := make([]string, len(entries))
	for i, e := range entries {
		txids[i] = e.Tx.ID.String()
	}
	if withSequence {
		return txidsAndSequence{txids, sequence}, nil
	}
	return txids, nil
}

func (n mempoolQueries) entriesByTxid(all []mempool.Details) map[string]mempoolEntry {
	result := make(map[string]mempoolEntry, len(all))
	for _, d := range all {
		result[d.Tx.ID.String()] = n.newMempoolEntry(d)
	}
	return result
}

func notInMempool() error {
	return rpc.Errorf(rpc.InvalidAddressOrKey, "Transaction not in mempool")
}

func (n mempoolQueries) getMempoolEntry(_ context.Context, call *rpc.Call) (any, error) {
	txid, err := call.Hash(0)
	if err != nil {
		return nil, err
	}
	details, ok := n.Mempool.Details(txid)
	if !ok {
		return nil, notInMempool()
	}
	return n.newMempoolEntry(details), nil
}

func (n mempoolQueries) relatives(call *rpc.Call, find func(chainhash.Hash) ([]mempool.Details, bool)) (any, error) {
	txid, err := call.Hash(0)
	if err != nil {
		return nil, err
	}
	verbose, err := call.Bool(1, false)
	if err != nil {
		return nil, err
	}
	all, ok := find(txid)
	if !ok {
		return nil, notInMempool()
	}
	if verbose {
		return n.entriesByTxid(all), nil
	}
	txids := make([]string, len(all))
	for i, d := range all {
		txids[i] = d.Tx.ID.String()
	}
	return txids, nil
}

func (n mempoolQueries) prioritise(ctx context.Context, call *rpc.Call) (any, error) {
	txid, err := call.Hash(0)
	if err != nil {
		return nil, err
	}
	var dummy float64
	if raw := call.Raw(1); raw != nil && (json.Unmarshal(raw, &dummy) != nil || dummy != 0) {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Priority is no longer supported, dummy argument to prioritisetransaction must be 0.")
	}
	delta, err := call.Int64(2, 0)
	if err != nil {
		return nil, err
	}
	return true, n.Owner.Do(ctx, func(s *chainstate.State) error {
		if e := s.Pool.Get(txid); e != nil && n.Policy.HasDust(e.Tx) {
			return rpc.Errorf(rpc.InvalidParameter, "Priority is not supported for transactions with dust outputs.")
		}
		s.Pool.Prioritise(txid, delta)
		return nil
	})
}
