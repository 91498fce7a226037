package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/feerate"
	"github.com/bulkheadnode/bulkhead/node/fees"
)

func (n feeQueries) table() rpc.Table {
	target := rpc.Param{Name: "conf_target", Type: rpc.Number, Help: "Confirmation target in blocks (1 - 1008)"}
	return rpc.Table{
		{
			Name: "estimatesmartfee", Returns: smartFee{}, Category: "Util", Run: n.estimateSmart,
			Summary: "Estimates the fee rate, in BTC/kvB, with which a transaction is likely to be in one of the next conf_target blocks, and tells for how many blocks that holds. Sizes are virtual (BIP141).",
			Params: []rpc.Param{
				target,
				{
					Name: "estimate_mode", Type: rpc.String, Optional: true, Default: "economical",
					Help: "unset, economical or conservative: the last one may give a higher rate, which has been enough for long",
				},
				{
					Name: "options", Type: rpc.Object, Optional: true,
					Help: `fee_rate_estimator (default: "none"): "block_policy" goes by what became of transactions, "mempool_policy" by the mempool as it is, and "none" gives the lower rate of both, or the error of one; ` +
						"verbosity (default: 1): 2 tells also what the mempool had of the last blocks",
				},
			},
			Result: `{"feerate": n, "errors": ["str",...], "estimator": "str", "blocks": n, "mempool_health_statistics": [...]}`,
		},
		{
			Name: "estimaterawfee", Returns: rawFees{}, Category: "hidden", Run: n.estimateRaw,
			Summary: "WARNING: This interface is unstable and may disappear or change!\n\nTells how the fee rate for a target is found in a short, a medium and a long past, for those that know of so many blocks.",
			Params: []rpc.Param{
				target,
				{
					Name: "threshold", Type: rpc.Number, Optional: true, Default: "0.95",
					Help: "The part of the transactions of a range of fee rates that has to be in one of the next conf_target blocks for lower rates to be looked at.",
				},
			},
			Result: `{"short": {"feerate": n, "decay": n, "scale": n, "pass": {...}, "fail": {...}, "errors": ["str",...]}, "medium": {...}, "long": {...}}`,
		},
	}
}

var errNoFees = rpc.Errorf(rpc.InternalError, "Fee estimation disabled")

// confTarget returns the first argument.
func (n feeQueries) confTarget(call *rpc.Call) (int, error) {
	if n.Fees == nil {
		return 0, errNoFees
	}
	target, err := call.Int(0, 0)
	if most := n.Fees.MaxTarget(feerate.Long); err == nil && (target < 1 || target > most) {
		err = rpc.Errorf(rpc.InvalidParameter, "Invalid conf_target, must be between 1 and %d", most)
	}
	return target, err
}

// estimateModes are the names of them.
var estimateModes = []string{"unset", "economical", "conservative"}

func conservative(call *rpc.Call, i int) (bool, error) {
	mode, err := call.Text(i, "economical")
	if err != nil {
		return false, err
	}
	mode = strings.ToLower(mode)
	if !slices.Contains(estimateModes, mode) {
		return false, rpc.Errorf(rpc.InvalidParameter, `Invalid estimate_mode parameter, must be one of: "%s"`, strings.Join(estimateModes, `", "`))
	}
	return mode == "conservative", nil
}

// smartOptions are the last argument of estimatesmartfee.
type smartOptions struct {
	Estimator *string      `json:"fee_rate_estimator"`
	Verbosity *json.Number `json:"verbosity"`
}

func (o *smartOptions) read(call *rpc.Call, i int) (source fees.Source, verbosity int, err error) {
	source, verbosity = fees.Lower, 1
	if !call.Has(i) {
		return source, verbosity, nil
	}
	err = rpc.CheckObject(call.Raw(i),
		rpc.Member{Name: "fee_rate_estimator", Type: rpc.String, Optional: true}, rpc.Member{Name: "verbosity", Type: rpc.Number, Optional: true})
	if err == nil {
		err = call.Decode(i, o)
	}
	if err != nil {
		return source, verbosity, err
	}
	if o.Estimator != nil {
		source = fees.ParseSource(*o.Estimator)
	}
	if o.Verbosity != nil {
		given, err := strconv.ParseInt(o.Verbosity.String(), 10, 32)
		if err != nil {
			return source, verbosity, rpc.Errorf(rpc.MiscError, "JSON integer out of range")
		}
		verbosity = int(given)
	}
	return source, verbosity, nil
}

type smartFee struct {
	FeeRate   *rpc.Amount   `json:"feerate,omitempty"`
	Errors    []string      `json:"errors,omitempty"`
	Estimator fees.Source   `json:"estimator,omitempty"`
	Blocks    int           `json:"blocks"`
	Health    []blockHealth `json:"mempool_health_statistics,omitzero"`
}

// blockHealth is a block, and what the mempool had of it.
type blockHealth struct {
	Height uint64 `json:"block_height"`
	Weight uint64 `json:"block_weight"`
	Pooled uint64 `json:"mempool_txs_weight"`
}

func (n feeQueries) estimateSmart(_ context.Context, call *rpc.Call) (any, error) {
	target, err := n.confTarget(call)
	if err != nil {
		return nil, err
	}
	lasting, err := conservative(call, 1)
	if err != nil {
		return nil, err
	}
	var options smartOptions
	source, verbosity, err := options.read(call, 2)
	if err != nil {
		return nil, err
	}
	estimate, err := n.Fees.Estimate(source, target, lasting)
	result := smartFee{Blocks: estimate.Blocks}
	if err != nil {
		result.Errors = []string{err.Error()}
	} else {
		rate := rpc.Amount(max(estimate.Rate.Rate(), int64(n.MinRate())))
		result.FeeRate = &rate
		if source == fees.Lower {
			result.Estimator = estimate.By
		}
	}
	if verbosity >= 2 {
		result.Health = n.health()
	}
	return result, nil
}

// health tells of the last blocks, the latest first.
func (n feeQueries) health() []blockHealth {
	blocks := []blockHealth{}
	for _, b := range slices.Backward(n.Fees.Blocks()) {
		blocks = append(blocks, blockHealth{b.Height, b.Weight, b.Pooled})
	}
	return blocks
}

type rawFees struct {
	Short  *rawFee `json:"short,omitempty"`
	Medium *rawFee `json:"medium,omitempty"`
	Long   *rawFee `json:"long,omitempty"`
}

type rawFee struct {
	FeeRate *rpc.Amount `json:"feerate,omitempty"`
	Decay   rpc.Float   `json:"decay"`
	Scale   uint32      `json:"scale"`
	Pass    *feeRange   `json:"pass,omitempty"`
	Fail    *feeRange   `json:"fail,omitempty"`
	Errors  []string    `json:"errors,omitempty"`
}

// feeRange is what is known of a range of fee rates, in satoshi per 1000 virtual bytes.
type feeRange struct {
	Start     rpc.Float `json:"startrange"`
	End       rpc.Float `json:"endrange"`
	Within    rpc.Float `json:"withintarget"`
	Confirmed rpc.Float `json:"totalconfirmed"`
	InMempool rpc.Float `json:"inmempool"`
	Left      rpc.Float `json:"leftmempool"`
}

func newFeeRange(r feerate.Range) *feeRange {
	whole := func(v float64) rpc.Float { return rpc.Float(math.Round(v)) }
	hundredths := func(v float64) rpc.Float { return rpc.Float(math.Round(v*100) / 100) }
	return &feeRange{
		whole(r.Start), whole(r.End), hundredths(r.Within), hundredths(r.Confirmed), hundredths(r.InMempool), hundredths(r.Left),
	}
}

func (n feeQueries) estimateRaw(_ context.Context, call *rpc.Call) (any, error) {
	target, err := n.confTarget(call)
	if err != nil {
		return nil, err
	}
	threshold := .95
	if call.Has(1) {
		if threshold, err = strconv.ParseFloat(string(bytes.TrimSpace(call.Raw(1))), 64); err != nil {
			return nil, rpc.Errorf(rpc.MiscError, "JSON double out of range")
		}
	}
	if threshold < 0 || threshold > 1 {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid threshold")
	}
	of := func(h feerate.Horizon) *rawFee {
		if target > n.Fees.MaxTarget(h) {
			return nil
		}
		return newRawFee(n.Fees.Raw(target, threshold, h))
	}
	return rawFees{of(feerate.Short), of(feerate.Medium), of(feerate.Long)}, nil
}

func newRawFee(rate int64, r feerate.Result) *rawFee {
	raw := &rawFee{Decay: rpc.Float(r.Decay), Scale: r.Scale}
	if rate == 0 {
		raw.Fail = newFeeRange(r.Fail)
		raw.Errors = []string{"Insufficient data or no feerate found which meets threshold"}
		return raw
	}
	shown := rpc.Amount(rate)
	raw.FeeRate, raw.Pass = &shown, newFeeRange(r.Pass)
	if r.Fail.Start != -1 { // else all that is known is enough
		raw.Fail = newFeeRange(r.Fail)
	}
	return raw
}
