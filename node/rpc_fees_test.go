package node_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/fees"
)

// feeRig is a node in whose blocks transactions of a chosen fee rate come.
type feeRig struct {
	*rig
	tip    *chaintest.Spot
	spends int32 // the reward of this block is spent next
}

func newFeeRig(t *testing.T, change func(*node.Config)) *feeRig {
	r := &feeRig{rig: newRig(t, "regtest", func(cfg *node.Config) {
		cfg.AcceptNonStandard = true
		if change != nil {
			change(cfg)
		}
	}), tip: chaintest.Genesis(t, chaintest.Regtest(t))}
	r.loaded()
	for _, s := range r.tip.Extend(140, 0).Path() {
		r.connect(s)
	}
	return r
}

func (r *feeRig) connect(s *chaintest.Spot) {
	r.t.Helper()
	get[any](r.rig, "setmocktime", s.Time())
	require.Nil(r.t, get[any](r.rig, "submitblock", hex.EncodeToString(s.Raw)))
	r.tip = s
}

// send sends a transaction that pays rate satoshi per 1000 vbytes, about.
func (r *feeRig) send(rate int64) (tx *consensus.Tx, exact int64) {
	r.t.Helper()
	r.spends++
	spend := func(fee int64) *consensus.Tx {
		return chaintest.Spend([]wire.OutPoint{r.tip.Coinbase(r.spends)}, 49*consensus.Coin, consensus.Coin-fee)
	}
	vsize := int64(spend(0).StrippedSize)
	fee := rate * vsize / 1000
	tx = spend(fee)
	require.Equal(r.t, tx.ID.String(), get[string](r.rig, "sendrawtransaction", hex.EncodeToString(tx.Raw()), 0))
	return tx, fee * 1000 / vsize
}

type smartReply struct {
	Rate      json.Number    `json:"feerate"`
	Errors    []string       `json:"errors"`
	Estimator string         `json:"estimator"`
	Blocks    int            `json:"blocks"`
	Health    *[]healthReply `json:"mempool_health_statistics"`
}

type healthReply struct {
	Height int   `json:"block_height"`
	Weight int64 `json:"block_weight"`
	Pooled int64 `json:"mempool_txs_weight"`
}

type rangeReply struct {
	Start     float64 `json:"startrange"`
	End       float64 `json:"endrange"`
	Within    float64 `json:"withintarget"`
	Confirmed float64 `json:"totalconfirmed"`
	InMempool float64 `json:"inmempool"`
	Left      float64 `json:"leftmempool"`
}

type rawReply struct {
	Rate   json.Number `json:"feerate"`
	Decay  float64     `json:"decay"`
	Scale  int         `json:"scale"`
	Pass   *rangeReply `json:"pass"`
	Fail   *rangeReply `json:"fail"`
	Errors []string    `json:"errors"`
}

func policyOnly() map[string]any { return map[string]any{"fee_rate_estimator": "block_policy"} }

func btc(sat int64) json.Number {
	raw, _ := json.Marshal(rpc.Amount(sat))
	return json.Number(raw)
}

func TestFeesAreEstimatedFromWhatBlocksTake(t *testing.T) {
	r := newFeeRig(t, nil)
	const nothing = "Insufficient data or no feerate found"
	require.Equal(t, smartReply{Errors: []string{nothing}}, get[smartReply](r.rig, "estimatesmartfee", 6))
	var rate int64
	for range 20 {
		tx, exact := r.send(5_000)
		rate = exact
		r.connect(r.tip.Next(tx))
	}
	for _, mode := range []any{nil, "economical", "CONSERVATIVE", "Unset"} {
		require.Equal(t, smartReply{Rate: btc(rate), Blocks: 2}, get[smartReply](r.rig, "estimatesmartfee", 1, mode, policyOnly()), mode)
	}
	require.Equal(t, 9, get[smartReply](r.rig, "estimatesmartfee", 1008, "economical", policyOnly()).Blocks, "half of the blocks that were seen")

	// The mempool is empty, so the least that is relayed will do.
	floor := get[map[string]any](r.rig, "getmempoolinfo")["minrelaytxfee"].(float64)
	require.Equal(t, 0.000001, floor)
	require.Equal(t, smartReply{Rate: btc(100), Estimator: "mempool_policy", Blocks: 2}, get[smartReply](r.rig, "estimatesmartfee", 6, "economical"))
	health := get[smartReply](r.rig, "estimatesmartfee", 6, "economical", map[string]any{"verbosity": 2, "fee_rate_estimator": "Mempool_Policy"}).Health
	weight := int64(r.tip.Block.Txs[1].Weight())
	require.Len(t, *health, 6)
	require.Equal(t, healthReply{int(r.tip.Height), weight, weight}, (*health)[0])
	require.Equal(t, int(r.tip.Height)-5, (*health)[5].Height)

	raw := get[map[string]rawReply](r.rig, "estimaterawfee", 2, 0.5)
	require.Len(t, raw, 3)
	short := raw["short"]
	require.Equal(t, []any{btc(rate), .962, 1}, []any{short.Rate, short.Decay, short.Scale})
	require.Less(t, short.Pass.Start, float64(rate))
	require.GreaterOrEqual(t, short.Pass.End, float64(rate))
	require.Equal(t, short.Pass.Confirmed, short.Pass.Within)
	require.Empty(t, short.Errors)
	require.Len(t, get[map[string]rawReply](r.rig, "estimaterawfee", 13), 2, "the short past knows of 12 blocks")
	long := get[map[string]rawReply](r.rig, "estimaterawfee", 1008)
	require.Len(t, long, 1)
	require.Equal(t, rawReply{
		Decay: .99931, Scale: 24, Fail: &rangeReply{End: 1e99, Within: long["long"].Fail.Confirmed, Confirmed: long["long"].Fail.Confirmed},
		Errors: []string{"Insufficient data or no feerate found which meets threshold"},
	}, long["long"])
}

// TestTheLowerOfTwoEstimatesCounts: the mempool is full of what pays more, and then less,
// than blocks took.
func TestTheLowerOfTwoEstimatesCounts(t *testing.T) {
	r := newFeeRig(t, nil)
	var rate int64
	for range 20 {
		tx, exact := r.send(5_000)
		rate = exact
		r.connect(r.tip.Next(tx))
	}
	fill := func(rates ...int64) (filled []*consensus.Tx) {
		for _, rate := range rates {
			r.spends++
			msg := chaintest.Spend([]wire.OutPoint{r.tip.Coinbase(r.spends)}, 40*consensus.Coin).Copy()
			msg.AddTxOut(wire.NewTxOut(0, append([]byte{0x6a, 0x4e, 0, 0x77, 1, 0}, make([]byte, 96_000)...)))
			vsize := int64(msg.SerializeSize())
			msg.TxOut[0].Value = 50*consensus.Coin - rate*vsize/1000
			tx := consensus.NewTx(msg)
			get[any](r.rig, "sendrawtransaction", hex.EncodeToString(tx.Raw()), 0, 1)
			filled = append(filled, tx)
		}
		return filled
	}
	asked := func(mode, source string) smartReply {
		return get[smartReply](r.rig, "estimatesmartfee", 1, mode, map[string]any{"fee_rate_estimator": source})
	}
	// Half a block is filled by the sixth, three quarters by the eighth.
	filled := fill(50_000, 50_000, 50_000, 50_000, 50_000, 40_000, 40_000, 30_000)
	require.Equal(t, smartReply{Rate: btc(rate), Estimator: "block_policy", Blocks: 2}, asked("economical", "none"))
	require.InDelta(t, 0.0003, number(t, asked("economical", "mempool_policy").Rate), 1e-8)
	require.InDelta(t, 0.0004, number(t, asked("conservative", "mempool_policy").Rate), 1e-8)
	require.Empty(t, asked("economical", "mempool_policy").Estimator)
	fill(60_000, 60_000)
	require.InDelta(t, 0.0003, number(t, asked("economical", "mempool_policy").Rate), 1e-8, "it is remembered")
	get[any](r.rig, "setmocktime", r.tip.Time()+8)
	require.InDelta(t, 0.0004, number(t, asked("economical", "mempool_policy").Rate), 1e-8, "for 7 seconds")

	r.connect(r.tip.Next(filled...))
	require.Equal(t, btc(100), asked("economical", "none").Rate, "a block made room")
}

func number(t *testing.T, n json.Number) float64 {
	v, err := n.Float64()
	require.NoError(t, err)
	return v
}

// TestWhatIsKnownOfFeesOutlivesTheNode, whose starter writes the files.
func TestWhatIsKnownOfFeesOutlivesTheNode(t *testing.T) {
	r := newFeeRig(t, nil)
	for range 20 {
		tx, _ := r.send(5_000)
		r.connect(r.tip.Next(tx))
	}
	r.send(1_000)
	known := get[smartReply](r.rig, "estimatesmartfee", 4, "economical", policyOnly())
	require.NotEmpty(t, known.Rate)
	supervisor, _ := r.bus.Conn(roles.Supervisor, "supervisor", bus.NewMux())
	reply, err := msg.FeeEstimates.Call(t.Context(), supervisor, msg.FeeEstimatesRequest{Last: true})
	require.NoError(t, err)
	r.stop()
	path := fees.PolicyPath(r.cfg.Dir)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, reply.Attached[0], 0o600))
	require.NoError(t, os.WriteFile(fees.WindowPath(r.cfg.Dir), reply.Attached[1], 0o600))
	r.start()
	r.loaded()
	require.Equal(t, known, get[smartReply](r.rig, "estimatesmartfee", 4, "economical", policyOnly()))
	require.Equal(t, "mempool_policy", get[smartReply](r.rig, "estimatesmartfee", 4).Estimator)

	// The last blocks are others.
	get[any](r.rig, "invalidateblock", r.tip.Hash.String())
	r.stop()
	r.start()
	r.loaded()
	require.Equal(t, &[]healthReply{}, get[smartReply](r.rig, "estimatesmartfee", 4, nil, map[string]any{"verbosity": 2}).Health)

	r.stop()
	r.cfg.BlocksOnly = true
	r.start()
	r.loaded()
	r.refused(rpc.InternalError, "Fee estimation disabled", "estimatesmartfee", 2)
	r.refused(rpc.InternalError, "Fee estimation disabled", "estimaterawfee", 5000)
	supervisor, _ = r.bus.Conn(roles.Supervisor, "supervisor.2", bus.NewMux())
	reply, err = msg.FeeEstimates.Call(t.Context(), supervisor, msg.FeeEstimatesRequest{})
	require.NoError(t, err)
	require.Empty(t, reply.Attached)
}

// TestOnlyWhatComesAloneTellsOfFees: a child waits for its parent, whatever it pays.
func TestOnlyWhatComesAloneTellsOfFees(t *testing.T) {
	r := newFeeRig(t, nil)
	var txs []*consensus.Tx
	parent, _ := r.send(5_000)
	for range 40 {
		value := parent.TxOut[0].Value
		child := chaintest.Spend([]wire.OutPoint{{Hash: parent.ID}}, value-consensus.Coin, consensus.Coin-50_000)
		require.NotEmpty(t, get[string](r.rig, "sendrawtransaction", hex.EncodeToString(child.Raw()), 0))
		txs, parent = append(txs, parent), child
	}
	r.connect(r.tip.Next(append(txs, parent)...))
	confirmed := get[map[string]rawReply](r.rig, "estimaterawfee", 1, 0.5)["short"].Fail.Confirmed
	require.Equal(t, 1.0, confirmed, "the first one has no parent in the mempool")
}

func TestArgumentsOfFeeEstimates(t *testing.T) {
	r := newRig(t, "regtest", nil)
	r.loaded()
	for _, command := range []string{"estimatesmartfee", "estimaterawfee"} {
		r.refused(rpc.MiscError, command, command)
		r.refused(rpc.TypeError, "JSON value of type null is not of expected type number", command, nil)
		r.refused(rpc.TypeError, "JSON value of type string is not of expected type number", command, "6")
		r.refused(rpc.MiscError, "JSON integer out of range", command, 1.5)
		r.refused(rpc.MiscError, "JSON integer out of range", command, 1<<40)
		for _, target := range []int{-1, 0, 1009} {
			r.refused(rpc.InvalidParameter, "Invalid conf_target, must be between 1 and 1008", command, target)
		}
	}
	const modes = `Invalid estimate_mode parameter, must be one of: "unset", "economical", "conservative"`
	r.refused(rpc.InvalidParameter, modes, "estimatesmartfee", 1, "foo")
	r.refused(rpc.InvalidParameter, modes, "estimatesmartfee", 1, "")
	r.refused(rpc.TypeError, "JSON value of type number is not of expected type string", "estimatesmartfee", 1, 1)
	r.refused(rpc.TypeError, "JSON value of type array is not of expected type object", "estimatesmartfee", 1, nil, []int{})
	options := func(name string, value any) map[string]any { return map[string]any{name: value} }
	r.refused(rpc.TypeError, "JSON value of type number for field fee_rate_estimator is not of expected type string", "estimatesmartfee", 1, nil, options("fee_rate_estimator", 1))
	r.refused(rpc.TypeError, "JSON value of type bool for field verbosity is not of expected type number", "estimatesmartfee", 1, nil, options("verbosity", true))
	r.refused(rpc.MiscError, "JSON integer out of range", "estimatesmartfee", 1, nil, options("verbosity", 1.5))
	r.refused(rpc.TypeError, "Unexpected key more", "estimatesmartfee", 1, nil, options("more", nil))
	r.refused(rpc.MiscError, "estimatesmartfee", "estimatesmartfee", 1, nil, nil, 1)
	for _, threshold := range []float64{-.01, 1.01} {
		r.refused(rpc.InvalidParameter, "Invalid threshold", "estimaterawfee", 1, threshold)
	}
	r.refused(rpc.MiscError, "JSON double out of range", "estimaterawfee", 1, json.Number("1e400"))
	r.refused(rpc.TypeError, "JSON value of type string is not of expected type number", "estimaterawfee", 1, "0.5")

	for _, arguments := range [][]any{{nil, nil}, {"economical", map[string]any{}}, {nil, map[string]any{"verbosity": nil, "fee_rate_estimator": nil}}, {nil, options("fee_rate_estimator", "foo")}} {
		reply := get[smartReply](r, "estimatesmartfee", append([]any{1}, arguments...)...)
		require.Equal(t, smartReply{Errors: []string{"Insufficient data or no feerate found"}}, reply)
	}
	reply := get[smartReply](r, "estimatesmartfee", 1, "economical", map[string]any{"fee_rate_estimator": "mempool_policy", "verbosity": 2})
	require.Equal(t, smartReply{Errors: []string{"mempool_policy: Not enough recent block data for fee rate estimation"}, Blocks: 2, Health: &[]healthReply{}}, reply)
	require.Len(t, get[map[string]rawReply](r, "estimaterawfee", 1, nil), 3)
}

func TestStaleFeesAreForRegtest(t *testing.T) {
	cfg := node.DefaultConfig("signet")
	cfg.StaleFees = true
	require.EqualError(t, cfg.Validate(), "acceptstalefeeestimates is not supported on signet chain.")
	cfg.BlocksOnly = true
	require.NoError(t, cfg.Validate())
	cfg = node.DefaultConfig("regtest")
	cfg.StaleFees = true
	require.NoError(t, cfg.Validate())
}
