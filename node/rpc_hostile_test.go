package node_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
)

// nonsense makes arguments that are all wrong, or almost right.
type nonsense struct {
	*rand.Rand
	texts []string
}

var oddNumbers = []string{
	"-1", "0", "1", "2", "3", "6", "100", "101", "102", "103", "0.5", "1e-8", "1e8", "-0", "2147483647", "2147483648", "-2147483648",
	"4294967295", "4294967296", "9007199254740993", "9223372036854775807", "-9223372036854775808", "18446744073709551616", "1e308", "-1e308", "1e400",
}

var oddNames = []string{
	"rules", "mode", "data", "capabilities", "longpollid", "txid", "vout", "desc", "range", "scanobjects", "args", "conf_target", "in_memory",
	"filter_false_positives", "wtxid", "amount", "sequence", "return_spending_tx", "mempool_only",
}

func (x *nonsense) value(want rpc.Type, depth int) any {
	if x.IntN(6) == 0 {
		want = []rpc.Type{rpc.String, rpc.Number, rpc.Bool, rpc.Array, rpc.Object}[x.IntN(5)]
	}
	switch want {
	case rpc.Number:
		return json.RawMessage(oddNumbers[x.IntN(len(oddNumbers))])
	case rpc.Bool:
		return x.IntN(2) == 0
	case rpc.Array:
		list := []any{}
		for range x.IntN(4) - depth {
			list = append(list, x.value(rpc.Any, depth+1))
		}
		return list
	case rpc.Object:
		object := map[string]any{}
		for range x.IntN(5) - depth {
			object[oddNames[x.IntN(len(oddNames))]] = x.value(rpc.Any, depth+1)
		}
		return object
	case rpc.Any:
		return x.value([]rpc.Type{rpc.String, rpc.Number, rpc.Array, rpc.Object}[x.IntN(4)], depth)
	}
	return x.texts[x.IntN(len(x.texts))]
}

func (x *nonsense) arguments(c *rpc.Command) []any {
	args := []any{}
	for _, param := range c.Params {
		if param.Optional && x.IntN(4) == 0 {
			break
		}
		args = append(args, x.value(param.Type, 0))
	}
	return args
}

// Whatever a client asks for, the node answers, or says why not, and lives.
func TestNoCallBringsTheNodeDown(t *testing.T) {
	r := newRig(t, "regtest", func(cfg *node.Config) {
		cfg.TxIndex, cfg.SpenderIndex, cfg.FilterIndex, cfg.CoinStatsIndex, cfg.AcceptNonStandard = true, true, true, true, true
	})
	r.loaded()
	get[[]string](r, "generatetodescriptor", 102, anyoneDesc)
	first := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(3, 0)
	raw := spendFirstCoinbase(r, 10_000)
	txid := get[string](r, "sendrawtransaction", raw)
	block := get[string](r, "getblockhash", 50)
	x := &nonsense{Rand: chaintest.Seeded(t), texts: []string{
		"", "0", "1", "00", "zz", "-1", "start", "status", "abort", "basic", "muhash", "none", "hash_serialized_3", "latest", "rollback", "proposal",
		anyoneDesc, "raw(", "addr(" + address + ")", "wpkh(" + strings.Repeat("02", 33) + ")", address, "combo(00)", "multi(1,1)", "sh(sh(raw(51)))", "tr(" + strings.Repeat("01", 32) + ")",
		block, get[string](r, "getbestblockhash"), get[string](r, "getblockhash", 0), chainhash.Hash{7}.String(), strings.Repeat("f", 64), strings.Repeat("f", 65),
		txid, raw, raw[:40], hex.EncodeToString(first.Raw), get[string](r, "getblock", block, 0), get[string](r, "getblockheader", block, false), strings.Repeat("00", 5000),
		hex.EncodeToString(chaintest.Spend([]wire.OutPoint{{}}, 1).Raw()), "height", "time", "txs", "\x00", strings.Repeat("[", 3000), "feerate", "ALL", "unset", "economical",
	}}
	commands := node.Commands()
	for range 5000 {
		c := &commands[x.IntN(len(commands))]
		args := x.arguments(c)
		if c.Name == "dumptxoutset" || strings.HasPrefix(c.Name, "wait") {
			continue // they would write where they are told to, or do what they are for
		}
		params, err := json.Marshal(args)
		require.NoError(t, err)
		// Some ask for more blocks than anybody would wait for.
		ctx, cancel := context.WithTimeout(r.ctx, 200*time.Millisecond)
		_, err = rpc.Ask(ctx, r.gateway, "", c.Name, rpc.Request{Frames: bus.Frames{Attached: [][]byte{params}}}, 1<<30)
		var refused *rpc.Error
		// The node's clock may find the time over before ours does.
		if ctx.Err() == nil && !errors.Is(err, bus.ErrDeadline) && !errors.As(err, &refused) {
			require.NoError(t, err, "%s %.300s", c.Name, params)
		}
		cancel()
	}
	require.NotNil(t, get[any](r, "getblockchaininfo"))
}
