package session

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// comesFor returns the next question for transactions to request.
func (b *bench) comesFor(w p2p.WantTxsReply) p2p.WantTxsRequest {
	b.t.Helper()
	return answer[p2p.WantTxsRequest](b, w)
}

func TestTransactionsAreRequestedOnceTheNodeSaysSo(t *testing.T) {
	b := established(t, inboundConfig())
	require.True(t, b.comesFor(p2p.WantTxsReply{}).WtxidRelay, "the node learns of it at once")
	b.receive("inv", encodeInventory([]wire.InvVect{
		{Type: invWtx, Hash: chainhash.Hash{1}}, {Type: invWtx, Hash: chainhash.Hash{2}}, {Type: wire.InvTypeWitnessTx, Hash: chainhash.Hash{4}},
		{Type: wire.InvTypeTx, Hash: chainhash.Hash{3}}, {Type: invWtx, Hash: chainhash.Hash{1}},
	}))
	req := b.comesFor(p2p.WantTxsReply{Known: []byte{0b100}, Wait: 2000})
	require.Equal(t, p2p.WantTxsRequest{Txids: []chainhash.Hash{{4}}, Wtxids: []chainhash.Hash{{1}, {2}}, WtxidRelay: true}, req)
	b.logged("got inv: wtx " + (chainhash.Hash{1}).String() + " new peer=0")
	b.logged("got inv: wtx " + (chainhash.Hash{2}).String() + " have peer=0")
	b.logged("got inv: witness-tx " + (chainhash.Hash{4}).String() + " new peer=0")
	b.tickAfter(time.Second)
	require.False(t, b.asked(p2p.WantTxsRequest{}), "it is not due")
	b.tickAfter(time.Second)
	b.comesFor(p2p.WantTxsReply{Wtxids: []chainhash.Hash{{1}}, Txids: []chainhash.Hash{{4}}})
	require.Contains(t, b.sent, Send{Type: "getdata", Payload: encodeInventory([]wire.InvVect{{Type: invWtx, Hash: chainhash.Hash{1}}}), First: true})
	require.Contains(t, b.sent, Send{Type: "getdata", Payload: encodeInventory([]wire.InvVect{{Type: wire.InvTypeWitnessTx, Hash: chainhash.Hash{4}}}), First: true})
	b.tickAfter(time.Minute)
	require.False(t, b.asked(p2p.WantTxsRequest{}))
	b.step(p2p.PeerEvent{Txs: true})
	b.comesFor(p2p.WantTxsReply{})
	b.receive("notfound", encodeInventory([]wire.InvVect{{Type: invWtx, Hash: chainhash.Hash{1}}, {Type: wire.InvTypeWitnessTx, Hash: chainhash.Hash{4}}}))
	require.Equal(t, []chainhash.Hash{{1}, {4}}, b.comesFor(p2p.WantTxsReply{}).NotFound)
	b.receive("tx", make([]byte, 100))
	answer[p2p.SubmitTxRequest](b, p2p.SubmitReply{Orphan: true})
	b.comesFor(p2p.WantTxsReply{Wait: 4000})
	b.tickAfter(4 * time.Second)
	b.comesFor(p2p.WantTxsReply{})
}

// Transactions that come while one is judged are handed over together, up to the
// next message of another kind, and judged in their order.
func TestTransactionsThatWaitAreHandedOverTogether(t *testing.T) {
	b := established(t, inboundConfig())
	tx := func(i byte) []byte { return append(make([]byte, 100), i) }
	b.receive("tx", tx(0))
	for i := range byte(100) {
		b.receive("tx", tx(i+1))
	}
	b.receive("ping", make([]byte, 8))
	b.receive("tx", tx(101))
	answer[p2p.SubmitTxRequest](b, p2p.SubmitReply{})
	require.Len(t, answer[p2p.SubmitTxsRequest](b, p2p.SubmitTxsReply{}).Attached, p2p.MaxSubmitted)
	require.False(t, b.asked(p2p.SubmitTxRequest{}))
	b.types()
	req := answer[p2p.SubmitTxsRequest](b, p2p.SubmitTxsReply{Txs: []p2p.SubmitReply{{New: true}, {Orphan: true}}})
	require.Len(t, req.Attached, 100-p2p.MaxSubmitted)
	require.Equal(t, tx(p2p.MaxSubmitted+1), req.Attached[0])
	require.Contains(t, b.types(), "pong")
	require.Equal(t, tx(101), answer[p2p.SubmitTxRequest](b, p2p.SubmitReply{}).Attached[0])
	b.comesFor(p2p.WantTxsReply{})

	b.receive("tx", tx(0))
	b.receive("tx", make([]byte, p2p.MaxSubmittedBytes-50))
	b.receive("tx", tx(1))
	b.receive("tx", tx(2))
	answer[p2p.SubmitTxRequest](b, p2p.SubmitReply{})
	answer[p2p.SubmitTxRequest](b, p2p.SubmitReply{}) // which is too large to go with others
	answer[p2p.SubmitTxsRequest](b, p2p.SubmitTxsReply{Txs: []p2p.SubmitReply{
		{Reject: "bad-txns-vin-empty", Misbehaving: true},
	}})
	b.logged("bad-txns-vin-empty")
}

func last(list []Send) Send { return list[len(list)-1] }

func TestTransactionsAreNotWantedFromBlockRelayPeers(t *testing.T) {
	cfg := inboundConfig()
	cfg.Type = p2p.BlockRelayOnly
	b := established(t, cfg)
	b.receive("inv", encodeInventory([]wire.InvVect{{Type: invWtx, Hash: chainhash.Hash{1}}}))
	b.logged("inv sent in violation of protocol, disconnecting peer=0")
	b = established(t, cfg)
	b.receive("tx", make([]byte, 100))
	b.logged("transaction sent in violation of protocol, disconnecting peer=0")
}

func TestTransactionIsServedOnlyAfterItsAnnouncement(t *testing.T) {
	b := established(t, inboundConfig())
	b.step(Tick{LastSend: b.now, LastReceive: b.now})
	tx := p2p.TxAnnouncement{Txid: chainhash.Hash{1}, Wtxid: chainhash.Hash{2}, FeeRate: 1000, Peer: -1}
	cheap := p2p.TxAnnouncement{Txid: chainhash.Hash{3}, Wtxid: chainhash.Hash{4}, FeeRate: 10, Peer: -1}
	b.receive("feefilter", binary.LittleEndian.AppendUint64(nil, 500))
	b.logged("received: feefilter of 0.00000500 BTC/kvB from peer=0")
	b.step(p2p.TxsAnnouncedEvent{Txs: []p2p.TxAnnouncement{tx, cheap}})
	require.Empty(t, b.types())
	get := encodeInventory([]wire.InvVect{{Type: invWtx, Hash: tx.Wtxid}})
	b.receive("getdata", get)
	require.Equal(t, []string{"notfound"}, b.types())
	b.tickAfter(2 * time.Minute)
	require.Contains(t, b.sent, Send{Type: "inv", Payload: get})
	b.receive("getdata", get)
	answer[p2p.FetchTxRequest](b, p2p.FetchReply{Found: true, Frames: multipart.One([]byte{1})})
	require.Equal(t, "tx", last(b.sent).Type)
}

// The answer to the second of two pings tells that what was due is announced.
func TestAnnouncementsThatAreDueComeBeforeTheNextAnswer(t *testing.T) {
	b := established(t, inboundConfig())
	b.tickAfter(time.Second)
	b.step(p2p.TxsAnnouncedEvent{Txs: []p2p.TxAnnouncement{{Txid: chainhash.Hash{1}, Wtxid: chainhash.Hash{2}, FeeRate: 1000, Peer: -1}}})
	b.types()
	b.now = b.now.Add(5 * time.Minute)
	b.receive("ping", make([]byte, 8))
	b.receive("ping", make([]byte, 8))
	require.Equal(t, []string{"pong", "inv", "pong"}, b.types())
}

// What was in a block is no secret: it is served before it is announced again.
func TestTransactionThatReturnsFromABlockIsServedAtOnce(t *testing.T) {
	b := established(t, inboundConfig())
	b.tickAfter(time.Second)
	tx := p2p.TxAnnouncement{Txid: chainhash.Hash{1}, Wtxid: chainhash.Hash{2}, FeeRate: 1000, Peer: -1}
	b.step(p2p.TxsAnnouncedEvent{Txs: []p2p.TxAnnouncement{tx}})
	tx.Peer = p2p.FromBlock
	b.step(p2p.TxsAnnouncedEvent{Txs: []p2p.TxAnnouncement{tx}})
	b.receive("getdata", encodeInventory([]wire.InvVect{{Type: invWtx, Hash: chainhash.Hash{2}}}))
	answer[p2p.FetchTxRequest](b, p2p.FetchReply{Found: true, Frames: multipart.One(make([]byte, 60))})
	require.Contains(t, b.types(), "tx")
	b.tickAfter(5 * time.Minute)
	require.Contains(t, b.types(), "inv")
}

func TestNobanPeersHearOfTransactionsAtOnce(t *testing.T) {
	cfg := inboundConfig()
	cfg.Permissions |= p2p.NoBan
	b := established(t, cfg)
	b.tickAfter(0)
	b.types()
	b.step(p2p.TxsAnnouncedEvent{Txs: []p2p.TxAnnouncement{{Txid: chainhash.Hash{1}, Wtxid: chainhash.Hash{2}, Peer: -1}}})
	require.Equal(t, []string{"inv"}, b.types())
}

// What waited to be told together with others is news for those who were there when it
// came, and nobody else.
func TestTransactionsThatCameBeforeThePeerAreNotAnnounced(t *testing.T) {
	cfg := inboundConfig()
	cfg.Permissions = p2p.NoBan
	b := established(t, cfg)
	b.types()
	b.now = b.now.Add(50 * time.Millisecond)
	older, newer := chainhash.Hash{1}, chainhash.Hash{2}
	b.step(p2p.TxsAnnouncedEvent{Txs: []p2p.TxAnnouncement{
		{Txid: older, Wtxid: older, FeeRate: 5000, Peer: p2p.NoPeer, Waited: 51},
		{Txid: newer, Wtxid: newer, FeeRate: 5000, Peer: p2p.NoPeer, Waited: 50},
	}})
	require.Equal(t, encodeInventory([]wire.InvVect{{Type: invWtx, Hash: newer}}), b.sent[len(b.sent)-1].Payload)
}
