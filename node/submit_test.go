package node_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// A node that died may have forgotten the header of a block that its worker has
// asked a peer for. That peer is not to blame.
func TestPeerIsNotBlamedForAForgottenHeader(t *testing.T) {
	r := newRig(t, "regtest", nil)
	r.loaded()
	worker, _ := r.bus.Conn(roles.Worker, "worker.1", nil)
	orphan := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(2, 0)
	for _, requested := range []bool{true, false} {
		reply, err := msg.Of(p2p.SubmitBlock).Call(r.ctx, worker, p2p.SubmitBlockRequest{
			Peer: 1, Requested: requested, Frames: bus.Frames{Attached: [][]byte{orphan.Raw}},
		})
		require.NoError(t, err)
		require.Equal(t, "prev-blk-not-found", reply.Reject)
		require.Equal(t, !requested, reply.Misbehaving)
	}
}

// A branch that is better but proves invalid at its second block: nobody hears
// of its first one, and the mempool has again what that contained.
func TestNothingIsToldOfABranchThatIsGivenUp(t *testing.T) {
	r := newRig(t, "regtest", func(cfg *node.Config) { cfg.AcceptNonStandard = true })
	r.loaded()
	base := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(105, 0)
	get[any](r, "setmocktime", base.Time()+1000)
	good := base.Extend(1, 'g')
	tx := chaintest.Spend([]wire.OutPoint{base.Coinbase(1)}, 1000, 2000, 3000)
	job := base.Job()
	job.Txs = []*consensus.Tx{tx}
	first := base.Build(job)
	second := first.Next(chaintest.Spend([]wire.OutPoint{base.Coinbase(2)}, 51*consensus.Coin))
	submit := func(s *chaintest.Spot, want any) {
		require.Equal(t, want, get[any](r, "submitblock", hex.EncodeToString(s.Raw)), "%d", s.Height)
	}
	for _, s := range good.Path() {
		submit(s, nil)
	}
	submit(first, "inconclusive")
	_, err := r.call("sendrawtransaction", hex.EncodeToString(tx.Raw()), 0)
	require.NoError(t, err)
	notify, _ := r.bus.Conn(roles.Notify, "notify", nil)
	events, err := notify.Subscribe(r.ctx, msg.EventPrefix)
	require.NoError(t, err)
	submit(second, "bad-txns-in-belowout")
	require.Equal(t, good.Hash.String(), get[string](r, "getbestblockhash"))
	require.Equal(t, []string{tx.ID.String()}, get[[]string](r, "getrawmempool"))

	next := good.Extend(1, 'n')
	submit(next, nil)
	level := 0 // of those connected, less those disconnected
	for last := good.Hash; last != next.Hash; {
		ev, err := events.Next(r.ctx)
		require.NoError(t, err)
		connected := msg.BlockConnected.Matches(ev)
		if !connected && !msg.BlockDisconnected.Matches(ev) {
			continue
		}
		b, err := msg.BlockConnected.Decode(ev)
		require.NoError(t, err)
		require.NotEqual(t, first.Hash, b.Hash, "connected: %v", connected)
		if level--; connected {
			level += 2
			last = b.Hash
		}
	}
	require.Equal(t, 1, level)
}

// In a download the coins are ahead of the scripts: what a block would create
// whose scripts fail in the end is never told.
func TestCoinsOfABlockAreToldWhenItsScriptsHaveRun(t *testing.T) {
	r := newRig(t, "regtest", nil)
	r.loaded()
	base := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(101, 0)
	get[any](r, "setmocktime", base.Time()+10*365*24*60*60)
	slow := append([]byte{txscript.OP_PUSHDATA2, 8, 2}, make([]byte, 520)...)
	for range 95 {
		slow = append(slow, txscript.OP_DUP, txscript.OP_HASH256, txscript.OP_DROP)
	}
	fan := chaintest.Spend([]wire.OutPoint{base.Coinbase(1)}, make([]int64, 1000)...).Copy()
	thief := &wire.MsgTx{Version: 2, TxOut: []*wire.TxOut{{PkScript: []byte{txscript.OP_TRUE}}}}
	for _, out := range fan.TxOut {
		out.PkScript = slow
	}
	fan.TxOut[999].PkScript = []byte{txscript.OP_FALSE}
	id := fan.TxHash()
	for i := range fan.TxOut {
		thief.TxIn = append(thief.TxIn, &wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: id, Index: uint32(i)}})
	}
	funded := base.Next(consensus.NewTx(fan))
	for _, s := range funded.Path() {
		require.Nil(t, get[any](r, "submitblock", hex.EncodeToString(s.Raw)))
	}
	require.True(t, get[map[string]any](r, "getblockchaininfo")["initialblockdownload"].(bool))
	bad := funded.Next(consensus.NewTx(thief))
	verdict := make(chan error, 1)
	go func() {
		raw, err := r.call("submitblock", hex.EncodeToString(bad.Raw))
		if err == nil && !strings.Contains(string(raw), "script") {
			err = errors.New(string(raw))
		}
		verdict <- err
	}()
	for {
		require.Nil(t, get[any](r, "gettxout", bad.Txs[1].ID.String(), 0))
		require.NotNil(t, get[any](r, "gettxout", id.String(), 0))
		select {
		case err := <-verdict:
			require.NoError(t, err)
			return
		default:
		}
	}
}

// Transactions that come together are judged in their order.
func TestTransactionsOfOneRequestAreJudgedInOrder(t *testing.T) {
	r := newRig(t, "regtest", func(cfg *node.Config) { cfg.AcceptNonStandard = true })
	r.loaded()
	base := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(105, 0)
	get[any](r, "setmocktime", base.Time()+1000)
	for _, s := range base.Path() {
		require.Nil(t, get[any](r, "submitblock", hex.EncodeToString(s.Raw)))
	}
	parent := chaintest.Spend([]wire.OutPoint{base.Coinbase(1)}, 49*consensus.Coin, 9000_0000)
	child := chaintest.Spend([]wire.OutPoint{{Hash: parent.ID}}, 48*consensus.Coin, 9000_0000)
	worker, _ := r.bus.Conn(roles.Worker, "worker.1", nil)
	submit := func(raw ...[]byte) (p2p.SubmitTxsReply, error) {
		return msg.Of(p2p.SubmitTxs).Call(r.ctx, worker, p2p.SubmitTxsRequest{From: p2p.TxSource{Peer: 1}, Frames: bus.Frames{Attached: raw}})
	}
	reply, err := submit(child.Raw(), parent.Raw(), child.Raw(), []byte{1}, parent.Raw())
	require.NoError(t, err)
	require.Len(t, reply.Txs, 5)
	require.True(t, reply.Txs[0].Orphan)
	require.True(t, reply.Txs[1].New)
	require.Equal(t, "txn-already-in-mempool", reply.Txs[2].Reject, "it waited for its parent")
	require.True(t, reply.Txs[3].Malformed)
	require.Equal(t, "DataStream::read(): end of data", reply.Txs[3].Reject)
	require.False(t, reply.Txs[3].Misbehaving)
	require.Equal(t, "txn-already-in-mempool", reply.Txs[4].Reject)
	_, err = submit(make([][]byte, p2p.MaxSubmitted+1)...)
	require.ErrorIs(t, err, bus.ErrBadMessage)
}

// A block with a witness that is too large is refused for that, and is as good as any
// without it.
func TestTooLargeWitnessIsRefusedByItsRule(t *testing.T) {
	r := newRig(t, "regtest", func(*node.Config) {})
	r.loaded()
	base := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(2, 0)
	get[any](r, "setmocktime", base.Time()+1000)
	for _, s := range base.Path() {
		require.Nil(t, get[any](r, "submitblock", hex.EncodeToString(s.Raw)))
	}
	good := base.Next()
	coinbase := good.Txs[0].Copy()
	coinbase.TxIn[0].Witness = append(coinbase.TxIn[0].Witness, make([]byte, 5_000_000))
	large := consensus.NewBlock(good.Header, []*consensus.Tx{consensus.NewTx(coinbase)})
	require.Equal(t, "bad-witness-nonce-size", get[string](r, "submitblock", hex.EncodeToString(large.Raw)))
	require.Nil(t, get[any](r, "submitblock", hex.EncodeToString(good.Raw)))
	require.Equal(t, good.Hash.String(), get[string](r, "getbestblockhash"))
}
