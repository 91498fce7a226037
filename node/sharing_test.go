package node_test

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// A branch of the same work as ours is worth its blocks, and what is in our
// chain is not.
func TestBranchOfEqualWorkIsLeased(t *testing.T) {
	r := newRig(t, "regtest", nil)
	r.loaded() // nothing is leased before
	worker, _ := r.bus.Conn(roles.Worker, "worker.1", nil)
	submit := func(header []byte) p2p.SubmitHeadersReply {
		reply, err := msg.Of(p2p.SubmitHeaders).Call(r.ctx, worker, p2p.SubmitHeadersRequest{Peer: 1, Frames: bus.Frames{Attached: [][]byte{header}}})
		require.NoError(t, err)
		require.Empty(t, reply.Reject)
		return reply
	}
	tip := get[[]string](r, "generatetoaddress", 1, address)[0]
	ours, err := hex.DecodeString(get[string](r, "getblockheader", tip, false))
	require.NoError(t, err)
	require.False(t, submit(ours).Download)

	rival := rivalOf(ours)
	reply := submit(rival)
	require.True(t, reply.Download)
	lease := func(peer int64) p2p.LeaseReply {
		l, err := msg.Of(p2p.LeaseBlocks).Call(r.ctx, worker, p2p.LeaseRequest{Peer: peer, Best: reply.Last, Max: 16})
		require.NoError(t, err)
		return l
	}
	require.Equal(t, []chainhash.Hash{reply.Last}, lease(1).Hashes)
	second := lease(2)
	require.Empty(t, second.Hashes)
	require.True(t, second.Retry, "the first may fail")
	get[[]string](r, "generatetoaddress", 1, address)
	require.False(t, lease(2).Retry, "it has less work now")
}

// rivalOf returns another header on the same parent. Regtest's target is half
// of all hashes.
func rivalOf(header []byte) []byte {
	rival := append([]byte{}, header...)
	rival[36]++ // of the merkle root
	for hash := chainhash.DoubleHashH(rival); hash[31] > 0x7e; hash = chainhash.DoubleHashH(rival) {
		rival[76]++ // of the nonce
	}
	return rival
}

// A transaction that is accepted and one that is announced at the same time do
// not wait for each other.
func TestAnnouncedWhileAccepted(t *testing.T) {
	r := newRig(t, "regtest", func(cfg *node.Config) { cfg.AcceptNonStandard = true })
	const count = 100
	get[[]string](r, "generatetodescriptor", 100+count, anyoneDesc)
	submitter, _ := r.bus.Conn(roles.Worker, "worker.1", nil)
	asker, _ := r.bus.Conn(roles.Worker, "worker.2", nil)
	var txs []*consensus.Tx
	for height := range count {
		txs = append(txs, spendCoinbase(r, height+1))
	}
	accepted := make(chan error, 1)
	go func() {
		var err error
		for _, tx := range txs {
			reply, e := msg.Of(p2p.SubmitTx).Call(r.ctx, submitter, p2p.SubmitTxRequest{Frames: bus.Frames{Attached: [][]byte{tx.Raw()}}})
			if err = e; err == nil && !reply.New {
				err = errors.New("refused: " + reply.Reject)
			}
			if err != nil {
				break
			}
		}
		accepted <- err
	}()
	for ended := false; !ended; {
		for _, tx := range txs[:10] {
			_, err := msg.Of(p2p.WantTxs).Call(r.ctx, asker, p2p.WantTxsRequest{Wtxids: []chainhash.Hash{tx.WitnessID}})
			require.NoError(t, err)
		}
		select {
		case err := <-accepted:
			require.NoError(t, err)
			ended = true
		default:
		}
	}
}

// spendCoinbase spends the coinbase of a block at a height, whose output
// anyone can spend.
func spendCoinbase(r *rig, height int) *consensus.Tx {
	r.t.Helper()
	raw, err := hex.DecodeString(get[string](r, "getblock", get[string](r, "getblockhash", height), 0))
	require.NoError(r.t, err)
	block, err := consensus.ParseBlock(raw)
	require.NoError(r.t, err)
	return chaintest.Spend([]wire.OutPoint{{Hash: block.Txs[0].ID}}, 25*consensus.Coin, 24*consensus.Coin)
}
