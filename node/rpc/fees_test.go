package rpc_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/feerate"
	"github.com/bulkheadnode/bulkhead/node/fees"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	noderpc "github.com/bulkheadnode/bulkhead/node/rpc"
)

// oracle answers questions about fees with what the test says.
type oracle struct {
	estimate fees.Estimate
	err      error
	rate     int64
	result   feerate.Result
}

func (o *oracle) MaxTarget(h feerate.Horizon) int { return []int{1, 2, 1008}[h] }
func (o *oracle) Blocks() []feerate.Mined {
	return []feerate.Mined{{Height: 1}, {Height: 2, Pooled: 3, Weight: 4}}
}
func (o *oracle) Estimate(fees.Source, int, bool) (fees.Estimate, error) {
	return o.estimate, o.err
}
func (o *oracle) Raw(int, float64, feerate.Horizon) (int64, feerate.Result) { return o.rate, o.result }

// Fields and their order, and numbers, are as Bitcoin Core writes them.
func TestFeesAreShown(t *testing.T) {
	o := &oracle{}
	table := noderpc.Table(&noderpc.Node{Fees: o, MinRate: func() mempool.Rate { return 150 }})
	shown := func(want, method, params string) {
		t.Helper()
		got, err := answerOf(t, table, method, params)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	o.estimate = fees.Estimate{By: fees.Policy, Rate: feerate.Quote{Fee: 1, VSize: 3}, Blocks: 2}
	shown(`{"feerate":0.00000333,"estimator":"block_policy","blocks":2}`, "estimatesmartfee", `[1]`)
	o.estimate.Rate.VSize = 30
	shown(`{"feerate":0.00000150,"blocks":2}`, "estimatesmartfee", `[1,"unset",{"fee_rate_estimator":"BLOCK_POLICY"}]`)
	o.err = errors.New("no")
	shown(`{"errors":["no"],"blocks":2,"mempool_health_statistics":[{"block_height":2,"block_weight":4,"mempool_txs_weight":3},{"block_height":1,"block_weight":0,"mempool_txs_weight":0}]}`,
		"estimatesmartfee", `{"conf_target":1,"options":{"verbosity":2}}`)

	o.rate = 4000
	o.result = feerate.Result{
		Decay: .99931, Scale: 24, Pass: feerate.Range{Start: 3999.5, End: 1e99, Within: 9.3749, Confirmed: 100, InMempool: 2, Left: .005}, Fail: feerate.Range{Start: -1, End: -1},
	}
	shown(`{"long":{"feerate":0.00004000,"decay":0.99931,"scale":24,"pass":{"startrange":4000,"endrange":1e+99,"withintarget":9.369999999999999,"totalconfirmed":100,"inmempool":2,"leftmempool":0.01}}}`,
		"estimaterawfee", `[3,1]`)
	o.rate = 0
	shown(`{"medium":{"decay":0.99931,"scale":24,"fail":{"startrange":-1,"endrange":-1,"withintarget":0,"totalconfirmed":0,"inmempool":0,"leftmempool":0},"errors":["Insufficient data or no feerate found which meets threshold"]},`+
		`"long":{"decay":0.99931,"scale":24,"fail":{"startrange":-1,"endrange":-1,"withintarget":0,"totalconfirmed":0,"inmempool":0,"leftmempool":0},"errors":["Insufficient data or no feerate found which meets threshold"]}}`,
		"estimaterawfee", `[2,null]`)
}
