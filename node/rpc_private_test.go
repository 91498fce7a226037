package node_test

import (
	"encoding/hex"
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
)

type privateReply struct {
	Txs []struct {
		TxID  string `json:"txid"`
		Wtxid string `json:"wtxid"`
		Hex   string `json:"hex"`
		Added int64  `json:"time_added"`
		Left  int    `json:"attempts_remaining"`
		Peers []any  `json:"peers"`
	} `json:"transactions"`
	Removed []struct {
		Hex string `json:"hex"`
	} `json:"removed_transactions"`
}

func TestPrivateBroadcastCommands(t *testing.T) {
	r := newRig(t, "regtest", func(cfg *node.Config) { cfg.AcceptNonStandard, cfg.PrivateBroadcast = true, true })
	r.loaded()
	base := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(101, 0)
	get[any](r, "setmocktime", base.Time()+1000)
	for _, s := range base.Path() {
		require.Nil(t, get[any](r, "submitblock", hex.EncodeToString(s.Raw)))
	}
	tx := chaintest.Spend([]wire.OutPoint{base.Coinbase(1)}, 50*consensus.Coin-10_000-2, 1, 1)
	raw := hex.EncodeToString(tx.Raw())
	manager, _ := r.bus.Conn(roles.Peers, "peers", bus.NewMux())
	tell := func(reachable bool) int {
		reply, err := msg.WantPrivate.Call(t.Context(), manager, msg.WantPrivateRequest{Known: -1, Reachable: reachable})
		require.NoError(t, err)
		return reply.Wanted
	}
	require.Zero(t, tell(false))
	_, err := r.call("sendrawtransaction", raw)
	require.ErrorContains(t, err, "none of the Tor or I2P networks is reachable")

	tell(true)
	require.Equal(t, tx.ID.String(), get[string](r, "sendrawtransaction", raw))
	require.Empty(t, get[[]string](r, "getrawmempool"))
	require.Equal(t, 3, tell(true))
	list := get[privateReply](r, "getprivatebroadcastinfo").Txs
	require.Len(t, list, 1)
	require.Equal(t, []any{tx.ID.String(), tx.WitnessID.String(), raw, base.Time() + 1000, 1000, []any{}},
		[]any{list[0].TxID, list[0].Wtxid, list[0].Hex, list[0].Added, list[0].Left, list[0].Peers})

	get[any](r, "mockscheduler", 600)
	r.refused(rpc.MiscError, "delta_time must be between 1 and 3600 seconds (1 hr)", "mockscheduler", 3601)
	removed := get[privateReply](r, "abortprivatebroadcast", tx.WitnessID.String()).Removed
	require.Len(t, removed, 1)
	require.Equal(t, raw, removed[0].Hex)
	r.refused(rpc.InvalidAddressOrKey, "Transaction not in private broadcast queue. Check getprivatebroadcastinfo.", "abortprivatebroadcast", tx.ID.String())
	require.Zero(t, tell(true))
}

func TestPrivateBroadcastIsOffUnasked(t *testing.T) {
	r := newRig(t, "regtest", nil)
	const off = "Private broadcast is not enabled. Ensure you're running Bitcoin Core with -privatebroadcast=1."
	r.refused(rpc.MethodNotFound, off, "getprivatebroadcastinfo")
	r.refused(rpc.MethodNotFound, off, "abortprivatebroadcast", hex.EncodeToString(make([]byte, 32)))
}
