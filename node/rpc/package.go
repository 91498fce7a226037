package rpc

import (
	"context"
	"errors"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

func (n txCommands) packageCommand(maxRate rpc.Param) rpc.Command {
	return rpc.Command{
		Name: "submitpackage", Returns: packageInfo{}, Category: "Rawtransactions", Run: n.submitPackage,
		Summary: "Submit a package of raw transactions (serialized, hex-encoded) to the local node: a transaction with some, all, or none of its unconfirmed parents, which comes last.\n" +
			"No parent may depend on another one. If any transaction passes, it is accepted to the mempool; those that pay too little are looked at together with their child.",
		Params: []rpc.Param{
			{Name: "package", Type: rpc.Array, Inner: hexes("rawtx", ""), Help: "An array of hex strings of raw transactions, parents first."},
			maxRate, maxBurnParam,
		},
	}
}

var maxBurnParam = rpc.Param{Name: "maxburnamount", Form: rpc.Money, Optional: true, Default: `"0.00"`, Help: "Reject transactions with provably unspendable outputs greater than the specified value, expressed in BTC."}

// packageInfo is what submitpackage returns.
type packageInfo struct {
	Message  string                   `json:"package_msg"`
	Results  map[string]packageTxInfo `json:"tx-results"` // by wtxid
	Replaced []string                 `json:"replaced-transactions"`
}

type packageTxInfo struct {
	TxID          string       `json:"txid"`
	OtherWtxid    string       `json:"other-wtxid,omitempty"`
	VSizeAdjusted int64        `json:"vsize_adjusted,omitempty"`
	VSize         int64        `json:"vsize,omitempty"`
	VSizeBIP141   int          `json:"vsize_bip141,omitempty"`
	Fees          *packageFees `json:"fees,omitempty"`
	Error         string       `json:"error,omitempty"`
}

// packageFees leaves the fee rate out of what was in the mempool before.
type packageFees struct {
	Base     rpc.Amount  `json:"base"`
	Rate     *rpc.Amount `json:"effective-feerate,omitempty"`
	Includes []string    `json:"effective-includes,omitempty"`
}

func (n txCommands) submitPackage(ctx context.Context, call *rpc.Call) (any, error) {
	txs, err := n.packageOf(call)
	if err != nil {
		return nil, err
	}
	rate, err := feeRate(call, 1)
	if err != nil {
		return nil, err
	}
	info := &packageInfo{Message: "success", Results: map[string]packageTxInfo{}, Replaced: []string{}}
	if reject := mempool.CheckPackage(txs); reject != nil {
		info.Message = reject.Reason
		for _, tx := range txs {
			info.Results[tx.WitnessID.String()] = packageTxInfo{TxID: tx.ID.String(), Error: "package-not-validated"}
		}
		return info, nil
	}
	outcomes, refused, err := n.Owner.ProcessPackage(ctx, txs, mempool.Options{MaxRate: mempool.Rate(rate)})
	if err != nil {
		return nil, err
	}
	if refused != nil {
		info.Message = refused.Error()
	}
	for _, out := range outcomes {
		info.add(out)
		if out.Known { // what is new is announced by itself
			if err := n.Owner.Broadcast(ctx, out.Entry.Tx, 0); err != nil {
				return nil, sendError(err)
			}
		}
	}
	return info, nil
}

// packageOf reads the transactions of a package that are in order.
func (n txCommands) packageOf(call *rpc.Call) ([]*consensus.Tx, error) {
	txs, err := rawTxs(call, 0)
	if err != nil {
		return nil, err
	}
	maxBurn, err := maxBurn(call, 2)
	if err != nil {
		return nil, err
	}
	for _, tx := range txs {
		if err := checkBurn(tx, maxBurn); err != nil {
			return nil, err
		}
	}
	if len(txs) > 1 && !childWithParents(txs) {
		return nil, rpc.Errorf(rpc.VerifyError, "package topology disallowed. not child-with-parents or parents depend on each other.")
	}
	return txs, nil
}

// childWithParents reports whether the last transaction spends from each of the
// others, and none of those from another.
func childWithParents(txs []*consensus.Tx) bool {
	parents := map[chainhash.Hash]bool{}
	for _, tx := range txs[:len(txs)-1] {
		parents[tx.ID] = false
	}
	for i, tx := range txs {
		for _, in := range tx.TxIn {
			_, within := parents[in.PreviousOutPoint.Hash]
			if within && i < len(txs)-1 {
				return false
			}
			if within {
				parents[in.PreviousOutPoint.Hash] = true
			}
		}
	}
	for _, spent := range parents {
		if !spent {
			return false
		}
	}
	return true
}

// packageRefusal names why a transaction of a package was refused, as Bitcoin Core's
// submitpackage does, which has another name than testmempoolaccept for one that pays
// too much.
func packageRefusal(err error) string {
	var reject *consensus.Reject
	if errors.As(err, &reject) && reject.Reason == mempool.MaxRateReason {
		return "max feerate exceeded"
	}
	return err.Error()
}

func (p *packageInfo) add(out chainstate.Outcome) {
	info := packageTxInfo{TxID: out.Tx.ID.String()}
	wtxid := out.Tx.WitnessID
	switch {
	case out.Err != nil:
		info.Error = packageRefusal(out.Err)
	case out.Known && out.Entry.Tx.WitnessID != wtxid:
		info.OtherWtxid = out.Entry.Tx.WitnessID.String()
	default:
		info.VSizeAdjusted, info.VSize, info.VSizeBIP141 = out.Entry.VSize, out.Entry.VSize, virtualSize(out.Tx)
		info.Fees = &packageFees{Base: rpc.Amount(out.Entry.Fee)}
		if !out.Known {
			rate := rpc.Amount(out.Fee * 1000 / out.VSize)
			info.Fees.Rate, info.Fees.Includes = &rate, hashStrings(out.With)
		}
	}
	p.Results[wtxid.String()] = info
	for _, replaced := range out.Replaced {
		p.Replaced = append(p.Replaced, replaced.Tx.ID.String())
	}
}
